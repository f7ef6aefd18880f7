"""The words that every resource shares.

Resource              id, desired, writes, reads
├── Probed            read by a sh fragment
│   ├── Scripted      mended by a sh fragment
│   ├── Streamed      mended over the open connection (an upload)
│   └── Required      not mended by moor: an unmet one fails the host, with a remedy
└── Remote            read and written through an API, or on the controller itself
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from nornir.core.task import Task

from moor.errors import ErrorKind
from moor.formats.octal import SAFE, octal
from moor.secrets.secret import Secret


@dataclass(frozen=True)
class Later:
    """A value that an earlier step of the same run will make; a plan shows ``what``, nothing equals it.

    Attributes:
        secret: the value will be a ``Secret``, so that what is there now is not shown either
    """

    what: str
    secret: bool = False

    def __str__(self) -> str:
        return f"(known later: {self.what})"


Value = str | Secret | Later


def hidden(value: Value | None) -> bool:
    """Return whether a value, and what it replaces, must not be read or shown as it is."""
    return isinstance(value, Secret) or (isinstance(value, Later) and value.secret)


State = Mapping[str, Value]  # field to value; bytes are text by surrogateescape; None in its place is absence


class Resource(ABC):
    """One thing that a host should hold: a frozen value with an id that a human can type."""

    @property
    def bound_s(self) -> float:
        """Return how long mending may take."""
        return 60

    @property
    def writes(self) -> tuple[str, ...]:
        """Return the paths that mending changes."""
        return ()

    @property
    @abstractmethod
    def id(self) -> str:
        """Name it ``kind:name``, unique on its host."""

    @abstractmethod
    def desired(self, actual: State | None) -> State | None:
        """Say what should be, given what is; None is absence. Fields that ``actual`` has besides are not compared."""

    def refusal(self, actual: State | None, desired: State | None) -> str:
        """Return why moor cannot make this change, and what a person does about it; empty where it can."""
        return ""

    def follows(self, paths: frozenset[str]) -> Resource | None:
        """Return what has to be held once ``paths`` have got their former content; None where nothing follows."""
        return None

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        """Return what ``actual`` will be once ``paths``, which are planned too, have changed."""
        return actual


class Probed(Resource):
    """A resource that a sh fragment reads."""

    @abstractmethod
    def probe(self) -> str:
        """Return a POSIX sh fragment that changes nothing and succeeds on a bare host."""

    @abstractmethod
    def actual(self, output: str) -> State | None:
        """Read the fragment's output (bytes as surrogateescape); raises HostError where it makes no sense."""


class Scripted(Probed):
    """A resource that a sh fragment mends."""

    @property
    def late(self) -> bool:
        """Return whether it is made from what an earlier mend brings, so that it must be read again just before."""
        return False

    @abstractmethod
    def mend(self, actual: State | None) -> str:
        """Return a POSIX sh fragment that makes it so; it may use the functions of ``moor.engine.shell_functions``."""


class Streamed(Probed):
    """A resource that is mended over the open connection."""

    @abstractmethod
    def write(self, task: Task, actual: State | None) -> None:
        """Make it so; raises HostError."""


class Required(Probed):
    """What moor asks of a host and cannot give it.

    Attributes:
        error_kind: what sort of trouble it is where it is not met.
    """

    error_kind: ErrorKind = ErrorKind.UNMET

    @abstractmethod
    def remedy(self, actual: State | None) -> str:
        """Say in one sentence what is wrong and what a person does about it."""

    def refusal(self, actual: State | None, desired: State | None) -> str:
        return self.remedy(actual)


class Remote(Resource):
    """A resource behind an API, or on the controller."""

    @abstractmethod
    def read(self, task: Task) -> State | None:
        """Read it; in a dry run, what is not there yet because an earlier step makes it is None, not an error."""

    @abstractmethod
    def write(self, task: Task, actual: State | None) -> None:
        """Make it so; raises HostError."""


def literal(content: str) -> str:
    r"""Return a sh command that prints ``content``, whatever its bytes, in dash, bash and busybox.

    References:
        POSIX.1-2017 printf, the b conversion: ``\0ddd`` is one byte in octal.
    """
    if all(letter in SAFE for letter in content):
        return f"printf %s '{content}'"
    return f"printf %b '{octal(content)}'"
