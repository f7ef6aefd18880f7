"""The input and the actions of controllers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from ..api.deletion import Propagation
from ..kinds import Kind
from ..objects import Object, condition, dig, is_true, owner, parse_time, uid_of


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of all objects."""

    objects: dict[Kind, list[Object]]
    now: datetime

    def of(self, kind: Kind) -> list[Object]:
        """Return all objects of a kind."""
        return self.objects.get(kind, [])

    def owned(self, kind: Kind, by: Object) -> list[Object]:
        """Return the objects of a kind whose controller is ``by``."""
        return self._by_owner.get((kind.resource, uid_of(by)), [])

    @cached_property
    def _by_owner(self) -> dict[tuple[str, str], list[Object]]:
        found: dict[tuple[str, str], list[Object]] = {}
        for kind, objects in self.objects.items():
            for obj in objects:
                by = owner(obj)
                if by:
                    found.setdefault((kind.resource, by["uid"]), []).append(obj)
        return found


@dataclass(frozen=True)
class Create:
    """Create an object; ``told`` is the event to record afterwards."""

    kind: Kind
    obj: Object
    told: "RecordEvent | None" = None


@dataclass(frozen=True)
class Replace:
    """Update an object unless it changed meanwhile; with ``status`` update only its status."""

    kind: Kind
    obj: Object
    status: bool = False


@dataclass(frozen=True)
class Delete:
    """Delete an object; without ``graceful`` at once."""

    kind: Kind
    obj: Object
    graceful: bool = True
    propagation: Propagation = "Background"


@dataclass(frozen=True)
class Bind:
    """Bind a pod to a node."""

    pod: Object
    node: str


@dataclass(frozen=True)
class RecordEvent:
    """Record an event about an object."""

    kind: Kind
    obj: Object
    component: str
    reason: str
    message: str
    type: Literal["Normal", "Warning"] = "Normal"
    action: str = ""


Action = Create | Replace | Delete | Bind | RecordEvent
Actions = Iterator[Action]


def is_active(pod: Object) -> bool:
    """Return whether a pod counts for its set: it has not ended and is not being deleted."""
    return dig(pod, "status", "phase") not in ("Succeeded", "Failed") and not is_leaving(pod)


def is_leaving(obj: Object) -> bool:
    """Return whether the object is being deleted."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def is_ready(pod: Object) -> bool:
    """Return whether a pod's Ready condition holds."""
    return is_true(pod, "Ready")


def is_available(pod: Object, set_: Object, now: datetime) -> bool:
    """Return whether a pod has been ready for as long as its set wants."""
    ready = condition(pod, "Ready")
    if not ready or ready["status"] != "True" or is_leaving(pod):
        return False
    least = timedelta(seconds=int(set_["spec"].get("minReadySeconds", 0)))
    return parse_time(ready["lastTransitionTime"]) + least <= now
