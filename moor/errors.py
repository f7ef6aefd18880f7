"""Every exception that moor and its tasks raise, and the kinds of errors that outputs and history tell apart.

MoorError               whatever a user should read as one message, without a traceback
├── InputError          wrong input: files, keys, options; nothing was contacted or changed
│   ├── Unfit           what was given reads well and would not work; a drift check examines the rest all the same
│   ├── NoSettings      a host lacks a section that a task needs
│   ├── Several         all that a validator finds wrong in one mapping; a ValueError too, for pydantic
│   ├── Unbounded       aliases of a YAML document that make too much of it; a ValueError too
│   ├── NotReadable     YAML that Kubernetes would not read, or would read otherwise; a ValueError too
│   └── UnreadableSecret  a pull secret that kubelet cannot read; a ValueError too
├── HostError           one host, or an API behind it, did not do what was asked
│   ├── Refusal         an API said no to one thing, and would answer about others
│   ├── NoAnswer        nobody answers where Harbor should be
│   ├── PartDown        Harbor's proxy answers and has nobody behind it
│   ├── Outpaced        what an update presupposes does not hold any longer
│   ├── Waited          another run held the host's lock, which is free by now
│   ├── Lost            the connection broke; the next call connects anew
│   ├── CutOff          a script had begun, and its connection or its time ended first
│   │   └── LostMidway  the connection broke while a script ran; a Lost too
│   ├── Overdue         a command did not end in time
│   ├── Overlong        a command printed more than it may
│   └── HistoryError    the history's database cannot be read or written
└── Abandoned           nobody waits for the rest of an order any more

One exception is elsewhere: ``moor.connections.ssh.unknown_key.UnknownHostKey`` has to be one of Paramiko's own, since
Paramiko lets no other through, and this module imports no library.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from typing import Self

    from moor.script_result import ScriptResult

REMEDIES = {
    errno.ENOSPC: "make room on this machine",
    errno.EDQUOT: "the quota on this machine is used up",
    errno.EROFS: "mount it writable on this machine",
    errno.EACCES: "run moor as the user who owns it",
    errno.EPERM: "run moor as the user who owns it",
}


class ErrorKind(StrEnum):
    """What sort of trouble an error is: each wants something else of an operator; docs/output.md lists them."""

    UNREACHABLE = "unreachable"  # no connection came about
    NAME = "name"  # a name was not resolved
    HOST_KEY = "host_key"  # a host's SSH key is unknown, changed or revoked
    CERTIFICATE = "certificate"  # a server's TLS certificate was not accepted
    AUTHENTICATION = "authentication"  # a login was refused, or there is none
    PRIVILEGE = "privilege"  # logged in, and not allowed: sudo, enable, rights in the cluster or in Harbor
    TIMEOUT = "timeout"  # connected, and what was asked did not end in time
    LOST = "lost"  # the connection broke while something was under way
    CONFLICT = "conflict"  # somebody else is changing the same thing, or has changed it since it was read
    SPACE = "space"  # the host has no room
    COMMAND = "command"  # a command on the host failed
    ANSWER = "answer"  # what came back cannot be read
    REFUSED = "refused"  # an API or a device understood what was asked, and refused it
    UNHEALTHY = "unhealthy"  # a service is up and does not do its work
    UNMET = "unmet"  # a requirement or a proof does not hold, or what is on the host stands in the way
    CONTROLLER = "controller"  # this machine: its files, its programs, its workers
    INPUT = "input"  # files of the site, seen only when the stage ran
    SKIPPED = "skipped"  # the stage was not run, since another host failed
    INTERNAL = "internal"  # a fault in moor or in a site's own task


class MoorError(Exception):
    """Tells a user what is wrong and what to do, in one message."""

    kind: ErrorKind = ErrorKind.INPUT

    def reworded(self, words: str) -> Self:
        """Return an error of the same class and kind with other words."""
        made = type(self)(words)
        made.kind = self.kind
        return made


class InputError(MoorError):
    """Names file, key and remedy; several findings are several lines."""


class Unfit(InputError):
    """Says why what was given would not work, such as a certificate that clients refuse."""


class NoSettings(InputError):
    """Names a section that a host has not, and a task needs."""


class Several(InputError, ValueError):
    """Carries all that a validator finds wrong in a mapping: each the keys that lead to it, and what is wrong."""

    def __init__(self, found: Sequence[tuple[tuple[str, ...], str]]) -> None:
        super().__init__("; ".join(f"{'.'.join(keys)}: {words}" for keys, words in found))
        self.found = tuple(found)


class Unbounded(InputError, ValueError):
    """What the aliases of a YAML document make of it is too much to read; ``line`` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


class NotReadable(InputError, ValueError):
    """Says in one sentence what Kubernetes would not read, or would read otherwise than anybody means."""


class UnreadableSecret(InputError, ValueError):
    """Raised for a secret that kubelet cannot read: it then pulls no image of the pod, whatever others it names."""


class HostError(MoorError):
    """Names the resource, what it said, and what to do next.

    Args:
        words: for the user.
        kind: what sort of trouble it is, for programs; that of the class where it is not given.
    """

    DEFAULT: ClassVar[ErrorKind] = ErrorKind.UNMET

    def __init__(self, words: str = "", kind: ErrorKind | None = None) -> None:
        super().__init__(words)
        self.kind = kind or self.DEFAULT


class Refusal(HostError):
    """Names what was asked for and the API's own words; the refusals of one plan are told together."""

    DEFAULT = ErrorKind.REFUSED


class NoAnswer(HostError):
    """Nobody answers at Harbor's place: it may be made later in the same run."""

    DEFAULT = ErrorKind.UNREACHABLE


class PartDown(HostError):
    """Harbor's proxy answers, and has nobody behind it: Harbor is there, and what it holds is not known."""

    DEFAULT = ErrorKind.UNHEALTHY


class Outpaced(HostError):
    """What an update presupposes does not hold (any longer); nothing was changed."""

    DEFAULT = ErrorKind.CONFLICT


class Waited(HostError):
    """Nothing was done: another script held the host's lock, which is free by now."""

    DEFAULT = ErrorKind.CONFLICT


class Lost(HostError):
    """The connection broke while something was asked over it; the next call connects anew."""

    DEFAULT = ErrorKind.LOST


class CutOff(HostError):
    """A script had begun, and the connection or its bound ended first; ``heard`` is what it said by then."""

    DEFAULT = ErrorKind.LOST

    def __init__(self, words: str = "", kind: ErrorKind | None = None, heard: ScriptResult | None = None) -> None:
        super().__init__(words, kind)
        self.heard = heard


class LostMidway(CutOff, Lost):
    """The connection broke while a script ran."""


class Overdue(HostError):
    """The host did not come to an end in time."""

    DEFAULT = ErrorKind.TIMEOUT


class Overlong(HostError):
    """The host answered more than it may."""

    DEFAULT = ErrorKind.ANSWER


class HistoryError(HostError):
    """The history's database is not to be had, or not to be written."""

    DEFAULT = ErrorKind.CONTROLLER


class Abandoned(MoorError):
    """Nobody waits for the rest of an order."""


def as_one(errors: Iterable[MoorError]) -> HostError:
    """Return one error that says what all of them say; its kind is that of the first."""
    every = list(errors)
    return HostError("\n".join(map(str, every)), every[0].kind)


def kind_of_error(error: BaseException | None) -> ErrorKind:
    """Return the kind of whatever a task has raised; one that ended without an exception says that a thing is unmet."""
    if error is None:
        return ErrorKind.UNMET
    return error.kind if isinstance(error, MoorError) else ErrorKind.INTERNAL


def of_this_machine(error: OSError) -> str:
    """Say in one line what the controller's own file system refused; empty where it was something else."""
    remedy = REMEDIES.get(error.errno or 0)
    return f"{error.filename or 'a file of the site'}: {error.strerror}; {remedy}" if remedy else ""
