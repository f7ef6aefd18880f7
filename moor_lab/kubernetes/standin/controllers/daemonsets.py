"""Daemon sets: one pod on every node that fits, replaced a few at a time when the template changes.

Source  Kubernetes' pkg/controller/daemon (daemon_controller.go, update.go), in its simplest form.
"""

from dataclasses import dataclass
from functools import cached_property

from .. import kinds
from ..objects import Object, clone, dig, name_of
from ..placement import fits_node, untolerated
from .daemons import new_pod, node_of, with_tolerations
from .revisions import LABEL, History, histories, revision_of
from .rollouts import absolute
from .snapshot import Actions, Create, Delete, RecordEvent, Replace, Snapshot, is_available, is_leaving, is_ready

COMPONENT = "daemonset-controller"


def plan(snapshot: Snapshot) -> Actions:
    """Yield what every daemon set needs next."""
    for history in histories(kinds.DAEMON_SET, snapshot):
        if is_leaving(history.owner):
            continue
        if history.newest is None:
            yield from history.write()
            continue
        daemons = Daemons(history, snapshot)
        yield from daemons.actions()
        yield from _status(daemons)
        live = {f"{name_of(history.owner)}-{revision_of(pod)}" for pod in daemons.pods}
        yield from history.forget(live | {name_of(history.revisions[-1])})


@dataclass(frozen=True)
class Daemons:
    """A daemon set with its pods and the nodes they belong on."""

    history: History
    snapshot: Snapshot

    @property
    def owner(self) -> Object:
        """Return the daemon set."""
        return self.history.owner

    @cached_property
    def pods(self) -> list[Object]:
        """Return its pods, oldest first, also those that are being deleted."""
        found = self.snapshot.owned(kinds.POD, self.owner)
        return sorted(found, key=lambda pod: (pod["metadata"]["creationTimestamp"], name_of(pod)))

    @cached_property
    def by_node(self) -> dict[str, list[Object]]:
        """Return its pods by the names of their nodes."""
        found: dict[str, list[Object]] = {}
        for pod in self.pods:
            found.setdefault(node_of(pod), []).append(pod)
        return found

    @cached_property
    def _spec(self) -> Object:
        return with_tolerations(self.owner["spec"]["template"]["spec"])

    @cached_property
    def wanted(self) -> list[str]:
        """Return the names of the nodes that should run a pod."""
        return [name_of(node) for node in self.snapshot.of(kinds.NODE) if self._may(node, "NoSchedule", "NoExecute")]

    @cached_property
    def _allowed(self) -> set[str]:
        """Return the names of the nodes where a pod that runs may stay."""
        return {name_of(node) for node in self.snapshot.of(kinds.NODE) if self._may(node, "NoExecute")}

    def _may(self, node: Object, *effects: str) -> bool:
        return fits_node(self._spec, node) and next(untolerated(self._spec, node, *effects), None) is None

    @property
    def hash(self) -> str:
        """Return the hash of the current template."""
        return str(self.history.revisions[-1]["metadata"]["labels"][LABEL])

    def is_new(self, pod: Object) -> bool:
        """Return whether a pod has the current template."""
        return revision_of(pod) == self.hash

    def is_available(self, pod: Object) -> bool:
        """Return whether a pod counts as available."""
        return is_available(pod, self.owner, self.snapshot.now)

    def actions(self) -> Actions:
        """Yield the next actions: failed and misplaced pods go, missing ones come, old ones are replaced."""
        for pod in self.pods:
            if is_leaving(pod):
                continue
            if dig(pod, "status", "phase") in ("Succeeded", "Failed"):
                yield from self._failed(pod)
            elif node_of(pod) not in self._allowed:
                yield from self._deleted(pod)
        for name in self.wanted:
            if name not in self.by_node:
                yield from self._created(name)
        yield from self._update()

    def _update(self) -> Actions:
        strategy = self.owner["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return
        surge, missing = (
            absolute(strategy["rollingUpdate"][key], len(self.wanted), up=True)
            for key in ("maxSurge", "maxUnavailable")
        )
        yield from self._beside(surge) if surge else self._in_place(max(1, missing))

    def _in_place(self, missing: int) -> Actions:
        """Yield deletions of old pods: those that serve nobody, and as many others as may be missing."""
        present = {name: [pod for pod in self.by_node.get(name, []) if not is_leaving(pod)] for name in self.wanted}
        room = missing - sum(not any(map(self.is_available, pods)) for pods in present.values())
        for pods in present.values():
            old = [pod for pod in pods if not self.is_new(pod)]
            if not old or len(old) < len(pods):
                continue
            if self.is_available(old[0]):
                if room <= 0:
                    continue
                room -= 1
            yield from self._deleted(old[0])

    def _beside(self, surge: int) -> Actions:
        """Yield new pods beside old ones, and deletions of old ones whose successor serves."""
        for name in self.wanted:
            pods = [pod for pod in self.by_node.get(name, []) if not is_leaving(pod)]
            old = [pod for pod in pods if not self.is_new(pod)]
            new = [pod for pod in pods if self.is_new(pod)]
            if any(map(self.is_available, new)) or (old and not any(map(self.is_available, old)) and not new):
                for pod in old:
                    yield from self._deleted(pod)
            elif old:
                surge -= 1
                if not new and surge >= 0:
                    yield from self._created(name)

    def _created(self, node: str) -> Actions:
        pod = new_pod(self.owner, node, self.hash)
        yield Create(kinds.POD, pod, self._event("SuccessfulCreate", f"Created pod: {name_of(pod)}"))

    def _deleted(self, pod: Object) -> Actions:
        yield Delete(kinds.POD, pod)
        yield self._event("SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _failed(self, pod: Object) -> Actions:
        where = f"{pod['metadata']['namespace']}/{name_of(pod)}"
        words = f"Found failed daemon pod {where} on node {node_of(pod)}, will try to kill it"
        yield RecordEvent(kinds.DAEMON_SET, self.owner, COMPONENT, "FailedDaemonPod", words, "Warning")
        yield Delete(kinds.POD, pod)

    def _event(self, reason: str, words: str) -> RecordEvent:
        return RecordEvent(kinds.DAEMON_SET, self.owner, COMPONENT, reason, words)


def _status(daemons: Daemons) -> Actions:
    out = clone(daemons.owner)
    out["status"] = status_of(daemons)
    if out["status"] != daemons.owner.get("status"):
        yield Replace(kinds.DAEMON_SET, out, status=True)


def status_of(daemons: Daemons) -> Object:
    """Return the set's status: of every node's pods the newest counts."""
    placed = [daemons.by_node[name] for name in daemons.wanted if name in daemons.by_node]
    newest = [next((pod for pod in pods if daemons.is_new(pod)), pods[-1]) for pods in placed]
    available = sum(any(map(daemons.is_available, pods)) for pods in placed)
    counts = {
        "updatedNumberScheduled": sum(map(daemons.is_new, newest)),
        "numberAvailable": available,
        "numberUnavailable": len(daemons.wanted) - available,
    }
    status: Object = {
        "currentNumberScheduled": len(placed),
        "desiredNumberScheduled": len(daemons.wanted),
        "numberMisscheduled": len(set(daemons.by_node) - set(daemons.wanted)),
        "numberReady": sum(any(is_ready(pod) and not is_leaving(pod) for pod in pods) for pods in placed),
        "observedGeneration": daemons.owner["metadata"]["generation"],
    }
    return status | {name: number for name, number in counts.items() if number}
