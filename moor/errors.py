"""Every exception class of moor and its tasks, and the kinds of errors that outputs and history distinguish.

MoorError                    an error that a user reads as one message, without a traceback
├── InputError               wrong input: files, keys, options; nothing was contacted or changed
│   ├── UnfitInput           well-formed input that would not work; a drift check still examines the rest
│   ├── MissingSection       a host lacks a section of settings that a task needs
│   ├── FieldErrors          everything that a validator finds wrong in one mapping; a ValueError too, for pydantic
│   ├── TooManyAliases       a YAML document whose aliases expand to too much; a ValueError too
│   ├── AmbiguousRun         the start of a name that several runs have
│   ├── AmbiguousYaml        YAML that Kubernetes would reject or read differently; a ValueError too
│   └── UnreadableSecret     a pull secret that kubelet cannot read; a ValueError too
├── HostError                a host, or an API behind it, did not do what was asked
│   ├── ApiRefusal           an API rejected one request and would still answer others
│   ├── HarborUnreachable    nothing answers at Harbor's address
│   ├── HarborBackendDown    Harbor's proxy answers, but not the services behind it
│   ├── NotANode             the cluster has no node for a host
│   ├── StaleUpdate          what an update is based on has changed since it was read
│   ├── LoginRefused         sshd ended the connection before the login, as it does when it has too many of them
│   ├── LockContention       another run held the host's lock, which is free again
│   ├── ConnectionLost       the connection broke; the next call opens a new one
│   ├── ScriptCutShort       a script had started when its connection or its time ended
│   │   └── ConnectionLostInScript  the connection broke while a script ran; a ConnectionLost too
│   ├── CommandTimeout       a command did not end in time
│   ├── OutputTooLong        a command printed more than the limit
│   └── HistoryError         the history's database cannot be read or written
│       └── NothingRecorded  no run is in it yet
└── OrderCancelled           the controller no longer waits for an order's results

``moor.connections.ssh.unknown_key.UnknownHostKey`` is the only exception defined elsewhere: Paramiko passes on only its
own exceptions, and this module imports no library.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from typing import Self

    from moor.script_result import ScriptResult

REMEDY_BY_ERRNO = {
    errno.ENOSPC: "make room on this machine",
    errno.EDQUOT: "the quota on this machine is used up",
    errno.EROFS: "mount it writable on this machine",
    errno.EACCES: "run moor as the user who owns it",
    errno.EPERM: "run moor as the user who owns it",
}


class ErrorKind(StrEnum):
    """The kind of an error; docs/output.md says what an operator does about each."""

    UNREACHABLE = "unreachable"  # no connection could be opened
    NAME = "name"  # a name does not resolve
    HOST_KEY = "host_key"  # a host's SSH key is unknown, changed or revoked
    CERTIFICATE = "certificate"  # a server's TLS certificate was not accepted
    AUTHENTICATION = "authentication"  # a login was refused, or none is configured
    PRIVILEGE = "privilege"  # logged in, but not allowed: sudo, enable, rights in the cluster or in Harbor
    TIMEOUT = "timeout"  # connected, but the request did not end in time
    LOST = "lost"  # the connection broke during a request
    CONFLICT = "conflict"  # another user or run is changing the same thing, or has changed it since it was read
    SPACE = "space"  # the host's disk is full
    COMMAND = "command"  # a command on the host failed
    ANSWER = "answer"  # the answer cannot be read
    REFUSED = "refused"  # an API or a device understood the request and refused it
    UNHEALTHY = "unhealthy"  # a service runs but does not work
    UNMET = "unmet"  # a requirement or proof fails, or something on the host blocks the change
    CONTROLLER = "controller"  # the controller: its files, its programs, its workers
    INPUT = "input"  # a file of the site is wrong, which only the stage noticed
    SKIPPED = "skipped"  # the stage did not run, since another host failed
    INTERNAL = "internal"  # a bug in moor or in a site's own task


class MoorError(Exception):
    """An error whose message says what is wrong and what to do."""

    kind: ErrorKind = ErrorKind.INPUT

    def reworded(self, words: str) -> Self:
        """Return an error of the same class and kind with another message."""
        made = type(self)(words)
        made.kind = self.kind
        return made


class InputError(MoorError):
    """Wrong input; the message names file, key and remedy, one line for each fault."""


class UnfitInput(InputError):
    """Well-formed input that would not work, such as a certificate that clients refuse."""


class MissingSection(InputError):
    """A host lacks a section of settings that a task needs."""


class FieldErrors(InputError, ValueError):
    """Everything that a validator finds wrong in a mapping.

    Attributes:
        found: for each fault the keys that lead to it, and the message.
    """

    def __init__(self, found: Sequence[tuple[tuple[str, ...], str]]) -> None:
        super().__init__("; ".join(f"{'.'.join(keys)}: {words}" for keys, words in found))
        self.found = tuple(found)


class TooManyAliases(InputError, ValueError):
    """A YAML document whose aliases expand to too much; ``line`` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


class AmbiguousRun(InputError):
    """The start of a name that several runs have."""


class AmbiguousYaml(InputError, ValueError):
    """YAML that Kubernetes would reject, or would read differently from what its author meant."""


class UnreadableSecret(InputError, ValueError):
    """A pull secret that kubelet cannot read; it then pulls no image of the pod, whatever other secrets it names."""


class HostError(MoorError):
    """A host, or an API behind it, did not do what was asked.

    Args:
        words: the message: the resource, what went wrong, what to do next.
        kind: the kind, for programs; by default that of the class.
    """

    DEFAULT: ClassVar[ErrorKind] = ErrorKind.UNMET

    def __init__(self, words: str = "", kind: ErrorKind | None = None) -> None:
        super().__init__(words)
        self.kind = kind or self.DEFAULT


class ApiRefusal(HostError):
    """An API rejected a request; the message quotes it, and the rejections of one plan are reported together."""

    DEFAULT = ErrorKind.REFUSED


class HarborUnreachable(HostError):
    """Nothing answers at Harbor's address; a later stage of the same run may install it."""

    DEFAULT = ErrorKind.UNREACHABLE


class HarborBackendDown(HostError):
    """Harbor's proxy answers, but not the services behind it: Harbor is installed, and its content is unknown."""

    DEFAULT = ErrorKind.UNHEALTHY


class NotANode(HostError):
    """The cluster has no node for a host."""


class StaleUpdate(HostError):
    """What an update is based on has changed since it was read; nothing was changed."""

    DEFAULT = ErrorKind.CONFLICT


class LoginRefused(HostError):
    """sshd ended the connection before the login, as it does when it has too many of them; another attempt may do."""


class LockContention(HostError):
    """Another script held the host's lock, which is free again; nothing was changed."""

    DEFAULT = ErrorKind.CONFLICT


class ConnectionLost(HostError):
    """The connection broke during a request; the next call opens a new one."""

    DEFAULT = ErrorKind.LOST


class ScriptCutShort(HostError):
    """A script had started when its connection or its time ended.

    Attributes:
        heard: the output until then; None if there is none.
    """

    DEFAULT = ErrorKind.LOST

    def __init__(self, words: str = "", kind: ErrorKind | None = None, heard: ScriptResult | None = None) -> None:
        super().__init__(words, kind)
        self.heard = heard


class ConnectionLostInScript(ScriptCutShort, ConnectionLost):
    """The connection broke while a script ran."""


class CommandTimeout(HostError):
    """A command did not end in time."""

    DEFAULT = ErrorKind.TIMEOUT


class OutputTooLong(HostError):
    """A command printed more than the limit."""

    DEFAULT = ErrorKind.ANSWER


class HistoryError(HostError):
    """The history's database cannot be read or written."""

    DEFAULT = ErrorKind.CONTROLLER


class NothingRecorded(HistoryError):
    """No run is in the history yet."""


class OrderCancelled(MoorError):
    """The controller no longer waits for an order's results."""


def merge_errors(errors: Iterable[MoorError]) -> HostError:
    """Return one error with the messages of all ``errors``, each once, and the kind of the first."""
    every = list(errors)
    return HostError("\n".join(dict.fromkeys(map(str, every))), every[0].kind)


def kind_of_error(error: BaseException | None) -> ErrorKind:
    """Return the kind of what a task raised; ``UNMET`` for a task that failed without an exception."""
    if error is None:
        return ErrorKind.UNMET
    return error.kind if isinstance(error, MoorError) else ErrorKind.INTERNAL


def controller_error_text(error: OSError) -> str:
    """Return one line for an error of the controller's file system, with its remedy; empty for any other error."""
    remedy = REMEDY_BY_ERRNO.get(error.errno or 0)
    return f"{error.filename or 'a file of the site, or standard output'}: {error.strerror}; {remedy}" if remedy else ""
