"""The base classes of resources, and the types of their states.

Resource              id, desired state, the paths that it writes
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
from typing import ClassVar

from nornir.core.task import Task

from moor.errors import ErrorKind
from moor.formats.printf_escape import escape_for_printf, is_safe
from moor.secrets.secret import Secret


@dataclass(frozen=True)
class Later:
    """A value that an earlier step of the same run will make, so that it is not known yet; it equals no other value.

    Attributes:
        what: a description of the value, for the plan.
        secret: the value will be a ``Secret``, so that the present value is not shown either.
    """

    what: str
    secret: bool = False

    def __str__(self) -> str:
        return f"(known later: {self.what})"


Value = str | Secret | Later


def is_hidden(value: Value | None) -> bool:
    """Return whether a value, and the one that it replaces, must not be read or shown in clear."""
    return isinstance(value, Secret) or (isinstance(value, Later) and value.secret)


State = Mapping[str, Value]  # field to value, bytes as surrogate escapes; None instead of a State means absent


class Resource(ABC):
    """One thing in a desired state on a host: a frozen value with an id that a person can type.

    Attributes:
        is_noted: a host on which nothing else changes counts as one on which nothing changes, if this is False.
    """

    is_noted: ClassVar[bool] = True

    @property
    def bound_s(self) -> float:
        """Return how long mending may take, in seconds."""
        return 60

    @property
    def writes(self) -> tuple[str, ...]:
        """Return the paths that mending changes."""
        return ()

    @property
    @abstractmethod
    def id(self) -> str:
        """Return ``kind:name``, which is unique on its host."""

    @abstractmethod
    def desired(self, actual: State | None) -> State | None:
        """Return the desired state, None for absent, which may depend on the actual one.

        Fields of ``actual`` that are not in the desired state are not compared.
        """

    def refusal(self, actual: State | None, desired: State | None) -> str:
        """Return why moor cannot make this change, and the remedy; empty if it can."""
        return ""

    def is_absent(self, actual: State | None) -> bool:
        """Return whether an actual state means that it is not there; it may have what else is known."""
        return actual is None

    def follows(self, paths: frozenset[str]) -> Resource | None:
        """Return the resource to mend after a rollback of ``paths``, such as a restart; None if there is none."""
        return None

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        """Return what ``actual`` becomes once the plan's other changes, those of ``paths``, are made."""
        return actual


class Probed(Resource):
    """A resource that is read by a sh fragment.

    Attributes:
        varies: the fragment or the meaning of its output is another one each time, such as with the time in it.
    """

    varies: ClassVar[bool] = False

    @abstractmethod
    def probe(self) -> str:
        """Return a POSIX sh fragment that changes nothing and succeeds on a bare host."""

    @abstractmethod
    def actual(self, output: str) -> State | None:
        """Parse the fragment's output, bytes as surrogate escapes; raises HostError if it cannot be read."""


class Scripted(Probed):
    """A resource that is mended by a sh fragment."""

    @property
    def late(self) -> bool:
        """Return whether it depends on the result of an earlier mend, so that it must be read again before its own."""
        return False

    @abstractmethod
    def mend(self, actual: State | None) -> str:
        """Return a POSIX sh fragment that mends it; it may call the functions of ``moor.engine.shell_functions``."""

    def first_mend(self) -> str:
        """Return a fragment like ``mend``'s for a machine that nobody has read, such as a new one.

        It changes nothing where everything is right already. Empty if the machine comes to be so by itself.
        """
        return self.mend(None)


class Streamed(Probed):
    """A resource that is mended over the open connection."""

    @abstractmethod
    def write(self, task: Task, actual: State | None) -> None:
        """Bring it to its desired state; raises HostError."""


class Required(Probed):
    """A requirement: something that moor needs of a host and cannot mend.

    Attributes:
        error_kind: the kind of the error if it is not met.
    """

    error_kind: ErrorKind = ErrorKind.UNMET

    @abstractmethod
    def remedy(self, actual: State | None) -> str:
        """Return in one sentence what is wrong, and the remedy."""

    def refusal(self, actual: State | None, desired: State | None) -> str:
        return self.remedy(actual)


class Remote(Resource):
    """A resource behind an API, or on the controller."""

    @abstractmethod
    def read(self, task: Task) -> State | None:
        """Read the actual state; None if something is missing that an earlier step would make, also in a dry run."""

    @abstractmethod
    def write(self, task: Task, actual: State | None) -> None:
        """Bring it to its desired state; raises HostError."""


def literal(content: str) -> str:
    r"""Return a sh command that prints ``content``, whatever its bytes, in dash, bash and busybox.

    References:
        POSIX.1-2017 printf, the b conversion: ``\0ddd`` is one byte in octal.
    """
    if is_safe(content):
        return f"printf %s '{content}'"
    return f"printf %b '{escape_for_printf(content)}'"
