"""The garbage collector: orphaned objects, terminating namespaces, and the default service accounts."""

from datetime import timedelta

from .. import kinds
from ..api.deletion import FOREGROUND
from ..objects import Object, clone, dig, name_of, namespace_of, parse_time, uid_of
from .snapshot import Actions, Create, Delete, Replace, Snapshot, is_leaving

EVENTS_KEPT = timedelta(hours=1)


def plan(snapshot: Snapshot) -> Actions:
    """Yield deletions of garbage, and the service account that every namespace gets."""
    yield from _orphans(snapshot)
    yield from _foreground(snapshot)
    yield from _lost_pods(snapshot)
    yield from _namespaces(snapshot)
    for event in snapshot.of(kinds.EVENT):
        seen = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
        if parse_time(seen) + EVENTS_KEPT < snapshot.now:
            yield Delete(kinds.EVENT, event)


def _orphans(snapshot: Snapshot) -> Actions:
    """Yield deletions of objects whose owners are all gone."""
    present = {uid_of(obj) for objects in snapshot.objects.values() for obj in objects}
    for kind, objects in snapshot.objects.items():
        for obj in objects:
            owners = obj["metadata"].get("ownerReferences", [])
            if owners and not any(reference["uid"] in present for reference in owners) and not is_leaving(obj):
                yield Delete(kind, obj)


def _foreground(snapshot: Snapshot) -> Actions:
    """Yield deletions of the dependents of objects that wait for them, and the end of the wait after the last one."""
    everything = [(kind, obj) for kind, objects in snapshot.objects.items() for obj in objects]
    for kind, waiting in everything:
        if not is_leaving(waiting) or FOREGROUND not in waiting["metadata"].get("finalizers", []):
            continue
        dependents = [pair for pair in everything if _is_owned(pair[1], waiting)]
        yield from (Delete(*pair, propagation="Foreground") for pair in dependents if not is_leaving(pair[1]))
        if not dependents:
            out = clone(waiting)
            out["metadata"]["finalizers"].remove(FOREGROUND)
            yield Replace(kind, out)


def _is_owned(obj: Object, by: Object) -> bool:
    return any(reference["uid"] == uid_of(by) for reference in obj["metadata"].get("ownerReferences", []))


def _lost_pods(snapshot: Snapshot) -> Actions:
    """Yield deletions of pods on nodes that no longer exist, since no agent will end them."""
    nodes = {name_of(node) for node in snapshot.of(kinds.NODE)}
    for pod in snapshot.of(kinds.POD):
        if dig(pod, "spec", "nodeName") and pod["spec"]["nodeName"] not in nodes:
            yield Delete(kinds.POD, pod, graceful=False)


def _namespaces(snapshot: Snapshot) -> Actions:
    content: dict[str, list[tuple[kinds.Kind, Object]]] = {}
    for kind, objects in snapshot.objects.items():
        for obj in objects:
            content.setdefault(namespace_of(obj), []).append((kind, obj))
    for namespace in snapshot.of(kinds.NAMESPACE):
        found = content.get(name_of(namespace), [])
        if not is_leaving(namespace):
            yield from _default_account(namespace, found)
        elif found:
            yield from (Delete(kind, obj) for kind, obj in found if not is_leaving(obj))
        else:
            yield Delete(kinds.NAMESPACE, namespace, graceful=False)


def _default_account(namespace: Object, content: list[tuple[kinds.Kind, Object]]) -> Actions:
    if not any(kind == kinds.SERVICE_ACCOUNT and name_of(obj) == "default" for kind, obj in content):
        metadata = {"name": "default", "namespace": name_of(namespace)}
        yield Create(kinds.SERVICE_ACCOUNT, {"metadata": metadata})
