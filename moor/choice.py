"""Which resources a run may change: those that ``--only`` names, without those of ``--skip``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Choice:
    """Words that choose resources: kinds such as ``file``, or ids such as ``file:/etc/hosts``, also with * and ?.

    Attributes:
        only: a resource that none of them names is left as it is; empty for all.
        skip: a resource that one of them names is left as it is.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything is left out."""
        return bool(self.only or self.skip)

    def allows(self, resource: str, required: bool = False) -> bool:
        """Return whether the run may change a resource.

        Args:
            resource: its id.
            required: it is a requirement, which ``only`` never leaves out, since what it chooses may need it.
        """
        wanted = required or not self.only or is_named(resource, self.only)
        return wanted and not is_named(resource, self.skip)


ALL = Choice()


def is_named(resource: str, words: Iterable[str]) -> bool:
    """Return whether one of the words names the resource, by its kind or its id."""
    return any(fnmatchcase(resource if ":" in word else kind_of(resource), word) for word in words)


def kind_of(resource: str) -> str:
    """Return the kind of a resource, such as ``file``, by its id."""
    return resource.partition(":")[0]
