"""The parts of Harbor's configuration: what each has of the inventory's, and what of it only some releases have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nornir.core.inventory import Host

from moor.resources.base import Resource
from moor.settings import Section
from moor.tasks.registry.answers import Answers
from moor.tasks.registry.releases import MarkedField
from moor.tasks.registry.thing import Unlisted


def nothing(host: Host) -> Iterable[MarkedField]:
    """Return nothing, for a part whose fields every release has, or say themselves which ones have them."""
    return ()


def no_faults(host: Host) -> Iterable[str]:
    """Return nothing, for a part of which all faults are found while the inventory is read."""
    return ()


def nothing_unlisted(host: Host, answers: Answers) -> Iterable[Unlisted]:
    """Return nothing, for a part of which Harbor holds no more than the inventory can say."""
    return ()


@dataclass(frozen=True)
class Part:
    """A part of Harbor's configuration.

    Attributes:
        things: what the inventory says of it, in working order
        unlisted: what Harbor has of it, the inventory does not list, and ``prune`` has removed
        section: the section of the inventory that has it, if this part is the first one of the section
        marks: what only some releases have, beside the marks on the section's fields
        faults: why it cannot be made, as far as that is known before Harbor is asked
    """

    things: Callable[[Host], Iterable[Resource]]
    unlisted: Callable[[Host, Answers], Iterable[Unlisted]] = nothing_unlisted
    section: type[Section] | None = None
    marks: Callable[[Host], Iterable[MarkedField]] = nothing
    faults: Callable[[Host], Iterable[str]] = no_faults
