"""Rules of deletion: preconditions, grace periods, and orphaned dependents; pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from .. import kinds
from ..errors import conflict, refused
from ..kinds import Kind
from ..objects import Object, clone, dig, name_of, timestamp, uid_of

KEPT_NAMESPACES = ("default", "kube-system", "kube-public")


def check(kind: Kind, old: Object, preconditions: Object) -> None:
    """Check that the object may be deleted and meets the preconditions. Raises ApiError: 403, 409."""
    if kind == kinds.NAMESPACE and name_of(old) in KEPT_NAMESPACES:
        raise refused(kind, name_of(old), "this namespace may not be deleted")
    for field in ("uid", "resourceVersion"):
        wanted, found = preconditions.get(field), old["metadata"][field]
        if wanted and wanted != found:
            why = f"the {field} in the precondition ({wanted}) does not match the {field} in record ({found})"
            raise conflict(kind, name_of(old), why)


def grace(kind: Kind, old: Object, asked: int | None) -> int:
    """Return the grace period in seconds; only a pod on a node has one."""
    over = dig(old, "status", "phase") in ("Succeeded", "Failed")
    if kind != kinds.POD or over or not dig(old, "spec", "nodeName"):
        return 0
    return int(old["spec"]["terminationGracePeriodSeconds"]) if asked is None else asked


def marked(kind: Kind, old: Object, seconds: int, now: datetime) -> Object:
    """Return the object marked as being deleted."""
    if old["metadata"].get("deletionTimestamp"):
        return old
    obj = clone(old)
    obj["metadata"]["deletionTimestamp"] = timestamp(now + timedelta(seconds=seconds))
    obj["metadata"]["deletionGracePeriodSeconds"] = seconds
    if kind == kinds.NAMESPACE:
        obj["status"] = {"phase": "Terminating"}
    return obj


def orphans(objects: dict[Kind, list[Object]], old: Object, asked: Object) -> Iterator[tuple[Kind, Object]]:
    """Yield the object's dependents without their owner reference, if the client wants to orphan them."""
    if asked.get("propagationPolicy") != "Orphan" and not asked.get("orphanDependents"):
        return
    for kind, found in objects.items():
        for obj in found:
            owners = obj["metadata"].get("ownerReferences", [])
            left = [reference for reference in owners if reference["uid"] != uid_of(old)]
            if left != owners:
                yield kind, obj | {"metadata": obj["metadata"] | {"ownerReferences": left}}
