"""What controllers see, and what they can ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ..kinds import Kind
from ..objects import Object, dig, is_true, owner, uid_of


@dataclass(frozen=True)
class World:
    """Every object at one instant."""

    objects: dict[Kind, list[Object]]
    now: datetime

    def of(self, kind: Kind) -> list[Object]:
        """Return all objects of a kind."""
        return self.objects.get(kind, [])

    def owned(self, kind: Kind, by: Object) -> list[Object]:
        """Return the objects of a kind whose controller is ``by``."""
        return [obj for obj in self.of(kind) if (owner(obj) or {}).get("uid") == uid_of(by)]


@dataclass(frozen=True)
class Create:
    """Add an object; ``told`` is said once it is there."""

    kind: Kind
    obj: Object
    told: "Tell | None" = None


@dataclass(frozen=True)
class Replace:
    """Write an object over the version that it was made from; ``status`` writes its status alone."""

    kind: Kind
    obj: Object
    status: bool = False


@dataclass(frozen=True)
class Delete:
    """Remove an object; without ``graceful`` at once."""

    kind: Kind
    obj: Object
    graceful: bool = True


@dataclass(frozen=True)
class Bind:
    """Place a pod on a node."""

    pod: Object
    node: str


@dataclass(frozen=True)
class Tell:
    """Record an event about an object."""

    kind: Kind
    obj: Object
    component: str
    reason: str
    message: str
    type: Literal["Normal", "Warning"] = "Normal"
    action: str = ""


Action = Create | Replace | Delete | Bind | Tell
Actions = Iterator[Action]


def is_active(pod: Object) -> bool:
    """Return whether a pod counts as one of its set: not over, not on its way out."""
    return dig(pod, "status", "phase") not in ("Succeeded", "Failed") and not is_leaving(pod)


def is_leaving(obj: Object) -> bool:
    """Return whether somebody deleted it."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def is_ready(pod: Object) -> bool:
    """Return whether a pod's Ready condition holds."""
    return is_true(pod, "Ready")
