"""Stateful sets: pods with names and claims of their own, made, updated and deleted in order.

Source  Kubernetes' pkg/controller/statefulset (stateful_set_control.go), in its simplest form.
"""

from dataclasses import dataclass

from .. import kinds
from ..objects import Object, clone, dig, name_of
from .members import Members, members_of, new_claims, new_pod
from .revisions import histories, revision_of
from .snapshot import Actions, Create, Delete, RecordEvent, Replace, Snapshot, is_available, is_leaving, is_ready

COMPONENT = "statefulset-controller"

Steps = list[Create | Delete | RecordEvent | None]
"""Actions; a None stands for a pod that has to be waited for."""

WAIT: Steps = [None]


def plan(snapshot: Snapshot) -> Actions:
    """Yield what every stateful set needs next."""
    for history in histories(kinds.STATEFUL_SET, snapshot):
        if is_leaving(history.owner):
            continue
        if history.newest is None:
            yield from history.write()
            continue
        members = members_of(history, snapshot)
        yield from Step(members, snapshot).actions()
        yield from _status(members, snapshot)
        yield from history.forget({members.current, members.update, *map(revision_of, members.pods.values())})


@dataclass(frozen=True)
class Step:
    """The next step of a stateful set; in order, each pod waits until the one before it is available."""

    members: Members
    snapshot: Snapshot

    @property
    def _set(self) -> Object:
        return self.members.owner

    def actions(self) -> Actions:
        """Yield the actions of this step: first missing pods, then spare ones, then old ones."""
        for stage in (self._fill, self._shrink, self._update):
            found = list(stage())
            yield from (action for action in found if action is not None)
            if found:
                return

    def _fill(self) -> Steps:
        """Return what makes the missing pods."""
        found: Steps = []
        for ordinal in self.members.wanted:
            pod = self.members.pods.get(ordinal)
            if pod is None:
                found += self._created(ordinal)
            elif dig(pod, "status", "phase") in ("Succeeded", "Failed") and not is_leaving(pod):
                found += self._recreated(pod)
            elif self.members.ordered and not is_available(pod, self._set, self.snapshot.now):
                found.append(None)
            if found and self.members.ordered:
                break
        return found

    def _created(self, ordinal: int) -> Steps:
        pod = new_pod(self.members, ordinal)
        words = f"create Pod {name_of(pod)} in {self._name} successful"
        claims = [one for one in new_claims(self.members, ordinal) if not self._has_claim(one)]
        return [
            *(Create(kinds.CLAIM, one, self._told(one, pod)) for one in claims),
            Create(kinds.POD, pod, self._event("SuccessfulCreate", words)),
        ]

    def _has_claim(self, claim: Object) -> bool:
        where = claim["metadata"]["namespace"], name_of(claim)
        return any((one["metadata"]["namespace"], name_of(one)) == where for one in self.snapshot.of(kinds.CLAIM))

    def _told(self, claim: Object, pod: Object) -> RecordEvent:
        words = f"create Claim {name_of(claim)} Pod {name_of(pod)} in {self._name} success"
        return self._event("SuccessfulCreate", words)

    def _recreated(self, pod: Object) -> Steps:
        where = f"{self._set['metadata']['namespace']}/{name_of(self._set)}"
        words = f"StatefulSet {where} is recreating failed Pod {name_of(pod)}"
        told = RecordEvent(kinds.STATEFUL_SET, self._set, COMPONENT, "RecreatingFailedPod", words, "Warning")
        return [told, Delete(kinds.POD, pod)]

    def _shrink(self) -> Steps:
        """Return the deletions of pods beyond the wanted number, the highest first."""
        found: Steps = []
        for ordinal in sorted(set(self.members.pods) - set(self.members.wanted), reverse=True):
            pod = self.members.pods[ordinal]
            found += WAIT if is_leaving(pod) else self._deleted(pod)
            if self.members.ordered:
                break
        return found

    def _update(self) -> Steps:
        """Return the deletion of the highest pod with an old template, once all above it are ready."""
        strategy = self._set["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return []
        lowest = self.members.wanted.start + int(dig(strategy, "rollingUpdate", "partition") or 0)
        for ordinal in reversed(self.members.wanted):
            if ordinal < lowest:
                break
            pod = self.members.pods[ordinal]
            if revision_of(pod) != self.members.update and not is_leaving(pod):
                return self._deleted(pod)
            if is_leaving(pod) or not is_ready(pod):
                return WAIT
        return []

    def _deleted(self, pod: Object) -> Steps:
        words = f"delete Pod {name_of(pod)} in {self._name} successful"
        return [Delete(kinds.POD, pod), self._event("SuccessfulDelete", words)]

    @property
    def _name(self) -> str:
        return f"StatefulSet {name_of(self._set)}"

    def _event(self, reason: str, words: str) -> RecordEvent:
        return RecordEvent(kinds.STATEFUL_SET, self._set, COMPONENT, reason, words)


def _status(members: Members, snapshot: Snapshot) -> Actions:
    out = clone(members.owner)
    out["status"] = status_of(members, snapshot)
    if out["status"] != members.owner.get("status"):
        yield Replace(kinds.STATEFUL_SET, out, status=True)


def status_of(members: Members, snapshot: Snapshot) -> Object:
    """Return the set's status; a rollout that is complete makes its revision the current one."""
    pods = [pod for pod in members.pods.values() if not is_leaving(pod)]
    counts = {
        "readyReplicas": sum(map(is_ready, pods)),
        "currentReplicas": sum(revision_of(pod) == members.current for pod in pods),
        "updatedReplicas": sum(revision_of(pod) == members.update for pod in pods),
    }
    total, current = len(members.pods), members.current
    rolling = members.owner["spec"]["updateStrategy"]["type"] == "RollingUpdate"
    if rolling and counts["updatedReplicas"] == counts["readyReplicas"] == total:
        counts["currentReplicas"], current = counts["updatedReplicas"], members.update
    status: Object = {
        "observedGeneration": members.owner["metadata"]["generation"],
        "replicas": total,
        "currentRevision": current,
        "updateRevision": members.update,
        "collisionCount": 0,
        "availableReplicas": sum(is_available(pod, members.owner, snapshot.now) for pod in pods),
    }
    return status | {name: number for name, number in counts.items() if number}
