"""Rules of deletion: preconditions, grace periods, propagation to dependents; pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from .. import kinds
from ..errors import about, conflict, refused, status
from ..kinds import Kind
from ..objects import Object, clone, dig, name_of, timestamp, uid_of

KEPT_NAMESPACES = ("default", "kube-system", "kube-public")

FOREGROUND = "foregroundDeletion"
"""The finalizer of an object that waits for its dependents to be deleted."""

Propagation = Literal["Background", "Foreground", "Orphan"]

KEEPS_PODS = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


def check(kind: Kind, old: Object, preconditions: Object) -> None:
    """Check that the object may be deleted and meets the preconditions. Raises ApiError: 403, 409."""
    if kind == kinds.NAMESPACE and name_of(old) in KEPT_NAMESPACES:
        raise refused(kind, name_of(old), "this namespace may not be deleted")
    for field in ("uid", "resourceVersion"):
        wanted, found = preconditions.get(field), old["metadata"][field]
        if wanted and wanted != found:
            why = f"the {field} in the precondition ({wanted}) does not match the {field} in record ({found})"
            raise conflict(kind, name_of(old), why)


def propagation(kind: Kind, asked: Object) -> Propagation:
    """Return what becomes of dependents; unless the client asks for more, a job leaves its pods behind."""
    chosen: Propagation | None = asked.get("propagationPolicy")
    if chosen:
        return chosen
    if asked.get("orphanDependents") is not None:
        return "Orphan" if asked["orphanDependents"] else "Background"
    return "Orphan" if kind == kinds.JOB else "Background"


def warnings(kind: Kind, asked: Object) -> tuple[str, ...]:
    """Return the warnings of a deletion."""
    said = asked.get("propagationPolicy") or asked.get("orphanDependents") is not None
    return (KEEPS_PODS,) if kind == kinds.JOB and not said else ()


def marked(kind: Kind, old: Object, asked: Object, now: datetime) -> Object | None:
    """Return the object marked as being deleted; None if nothing holds it back, so that it goes at once."""
    foreground = propagation(kind, asked) == "Foreground" and kind not in (kinds.POD, kinds.NAMESPACE)
    seconds = grace(kind, old, asked.get("gracePeriodSeconds"))
    if not (seconds or foreground or dig(old, "metadata", "finalizers") or kind == kinds.NAMESPACE):
        return None
    obj = clone(old)
    metadata = obj["metadata"]
    if not metadata.get("deletionTimestamp"):
        metadata["deletionTimestamp"] = timestamp(now + timedelta(seconds=seconds))
        metadata["deletionGracePeriodSeconds"] = seconds
    finalizers = metadata.get("finalizers", [])
    if foreground and FOREGROUND not in finalizers:
        metadata["finalizers"] = [*finalizers, FOREGROUND]
    if kind == kinds.NAMESPACE:
        obj["status"] = {"phase": "Terminating"}
    return obj


def grace(kind: Kind, old: Object, asked: int | None) -> int:
    """Return the grace period in seconds; only a pod on a node has one."""
    over = dig(old, "status", "phase") in ("Succeeded", "Failed")
    if kind != kinds.POD or over or not dig(old, "spec", "nodeName"):
        return 0
    return int(old["spec"]["terminationGracePeriodSeconds"]) if asked is None else asked


def orphans(objects: dict[Kind, list[Object]], old: Object) -> Iterator[tuple[Kind, Object]]:
    """Yield the object's dependents without their owner reference."""
    for kind, found in objects.items():
        for obj in found:
            owners = obj["metadata"].get("ownerReferences", [])
            left = [reference for reference in owners if reference["uid"] != uid_of(old)]
            if left != owners:
                yield kind, obj | {"metadata": obj["metadata"] | {"ownerReferences": left}}


def done(kind: Kind, old: Object) -> Object:
    """Return the Status of a finished deletion."""
    return status("Success", "", "", about(kind, name_of(old)) | {"uid": uid_of(old)}, None)
