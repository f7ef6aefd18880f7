"""Creation of pods for the sets that own them; a refused one is told and tried again with growing delays."""

from datetime import datetime, timedelta

from .. import kinds
from ..api.cluster import Cluster
from ..api.options import Options
from ..errors import ApiError
from ..kinds import Kind
from ..objects import Object, name_of, namespace_of
from . import replicasets
from .events import tell
from .snapshot import Create, RecordEvent

RETRY_S, RETRY_LONGEST_S = 1.0, 30.0
"""Seconds that a set waits after refused pods before it tries again, at first and at most."""

COMPONENTS = {
    kinds.REPLICA_SET: "replicaset-controller",
    kinds.STATEFUL_SET: "statefulset-controller",
    kinds.DAEMON_SET: "daemonset-controller",
    kinds.JOB: "job-controller",
}


class PodCreation:
    """The creation of pods, with the sets whose pods were refused, and until when these wait."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._held: dict[str, tuple[float, datetime]] = {}

    def create(self, action: Create, by: Object) -> None:
        """Create a pod for its owner ``by``, unless that one still waits after a refusal."""
        delay_s, until = self._held.get(by["uid"], (RETRY_S / 2, self._cluster.clock()))
        if self._cluster.clock() < until:
            return
        try:
            self._cluster.create(action.kind, namespace_of(action.obj), action.obj)
        except ApiError as error:
            delay_s = min(2 * delay_s, RETRY_LONGEST_S)
            self._held[by["uid"]] = delay_s, self._cluster.clock() + timedelta(seconds=delay_s)
            self._refused(action.obj, by, str(error))
            return
        self._held.pop(by["uid"], None)
        if action.told:
            tell(self._cluster, action.told, self._cluster.clock())

    def _refused(self, pod: Object, by: Object, why: str) -> None:
        """Record why a pod is refused: as an event, and in the status of a replica set."""
        kind, namespace, name = kinds.named(by["apiVersion"], by["kind"]), namespace_of(pod), by["name"]
        if kind is None:
            return
        obj = self._cluster.store.get(kind, namespace, name)
        if kind == kinds.REPLICA_SET:
            status = replicasets.failed(obj, why, self._cluster.clock())
            self._cluster.update(kind, namespace, name, status, Options(subresource="status"))
        words = refusal(kind, name, name_of(pod), why)
        event = RecordEvent(kind, obj, COMPONENTS[kind], "FailedCreate", words, "Warning")
        tell(self._cluster, event, self._cluster.clock())


def refusal(kind: Kind, owner: str, pod: str, why: str) -> str:
    """Return the message of the event about a refused pod, as its controller words it."""
    if kind == kinds.STATEFUL_SET:
        return f"create Pod {pod} in StatefulSet {owner} failed error: {why}"
    return f"Error creating: {why}"
