"""The reasons why a rollout does not complete: of its object, of what makes its pods, and of the pods; pure.

References:
    messages of the kubelet and the controllers, Kubernetes 1.36
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from moor.connections.apis.kubernetes import MANAGER
from moor.tasks.workload.pod_troubles import FINAL, SLOW_S, SURE_S, Trouble, event_time, events_about, pod_troubles
from moor.tasks.workload.progress import FAILED, progress

Tree = Mapping[str, Any]

HASH, REVISION = "pod-template-hash", "controller-revision-hash"
RAW_NAME = re.compile(r'pods "[^"]*" ')
CLAIM, UNBOUND = "PersistentVolumeClaim", ("ProvisioningFailed", "FailedBinding")
REFUSAL = re.compile(r"^(?:Error creating: |create Pod \S+ in StatefulSet \S+ failed error: )")


@dataclass(frozen=True)
class RolloutPods:
    """What was read about a rollout.

    Attributes:
        pods: of the newest template
        events: about pods of the namespace, and about the object itself
        sets: the newest replica sets of a Deployment
    """

    pods: Sequence[Tree] = ()
    events: Sequence[Tree] = ()
    sets: Sequence[Tree] = ()


def newest_replica_sets(deployment: Tree, sets: Sequence[Tree]) -> set[str]:
    """Return the uids of the Deployment's replica sets that have its current template."""
    template, uid = _template(deployment), deployment["metadata"].get("uid")
    return {
        str(one["metadata"]["uid"])
        for one in sets
        if any(owner.get("uid") == uid for owner in one["metadata"].get("ownerReferences") or [])
        and _template(one) == template
    }


def _template(tree: Tree) -> Tree:
    """Return the pod template without the label that distinguishes replica sets."""
    template = tree["spec"]["template"]
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def find_troubles(owner: Tree, found: RolloutPods) -> list[Trouble]:
    """Return everything that keeps a rollout from completing, refused pods first."""
    return [
        *_failed(owner),
        *_paused(owner),
        *_refused(owner, found.sets),
        *_refused_by_event(owner, found.events),
        *_unbound(found),
        *(t for pod in found.pods for t in _of_pod(owner, pod, found.events)),
    ]


def _failed(owner: Tree) -> Iterator[Trouble]:
    if owner.get("kind") == "Job" and (how := progress(owner)).startswith(FAILED):
        words = f"the Job has failed: {how.removeprefix(FAILED)}; delete it to have it run again"
        yield Trouble("failed", words, FINAL)


def _paused(owner: Tree) -> Iterator[Trouble]:
    if (owner.get("spec") or {}).get("paused"):
        words = "the Deployment is paused; resume it with kubectl rollout resume"
        yield Trouble("paused", words, FINAL)


def _refused(owner: Tree, sets: Sequence[Tree]) -> Iterator[Trouble]:
    """Yield the API's reasons for refusing pods; those of the Deployment itself may be about a former template."""
    for tree in sets or [owner]:
        for condition in (tree.get("status") or {}).get("conditions") or []:
            if (condition.get("type"), condition.get("status")) == ("ReplicaFailure", "True"):
                yield _refusal(str(condition.get("message", "")), str(tree["metadata"]["name"]), sure=bool(sets))


def _refused_by_event(owner: Tree, events: Sequence[Tree]) -> Iterator[Trouble]:
    """Yield the newest reason for refusing pods of a kind that has no condition for it, if the template is that old."""
    if owner.get("kind", "Deployment") == "Deployment":
        return
    applied = _applied_at(owner)
    failed = [
        event
        for event in events_about(owner, events)
        if event.get("reason") == "FailedCreate" and event_time(event) >= applied
    ]
    if failed:
        message = str(max(failed, key=event_time).get("message", ""))
        yield _refusal(REFUSAL.sub("", message), str(owner["metadata"]["name"]), sure=True)


def _unbound(found: RolloutPods) -> Iterator[Trouble]:
    """Yield why volume claims of the pods are not bound, by the newest event of each."""
    for name in dict.fromkeys(name for pod in found.pods for name in claims_of(pod)):
        about = [event for event in found.events if _is_about_claim(event, name)]
        if about:
            newest = max(about, key=event_time)
            words = f"volume claim {name}: {newest.get('reason')}: {newest.get('message', '')}"
            yield Trouble(f"claim {name}", words, SLOW_S, backs_off=True)


def claims_of(pod: Tree) -> list[str]:
    """Return the names of the volume claims of a pod."""
    volumes = (pod.get("spec") or {}).get("volumes") or []
    claims = [volume["persistentVolumeClaim"] for volume in volumes if volume.get("persistentVolumeClaim")]
    return [str(claim.get("claimName")) for claim in claims]


def _is_about_claim(event: Tree, name: str) -> bool:
    about = event.get("involvedObject") or {}
    return (about.get("kind"), about.get("name")) == (CLAIM, name) and event.get("reason") in UNBOUND


def waits_for_claims(pods: Sequence[Tree], events: Sequence[Tree]) -> bool:
    """Return whether the scheduler says that pods wait for their volume claims."""
    return any(claims_of(pod) for pod in pods) and any(CLAIM in str(event.get("message", "")) for event in events)


def _refusal(message: str, name: str, *, sure: bool) -> Trouble:
    words = f"the cluster refuses its pods: {RAW_NAME.sub('pods ', message)}"
    final = sure and "violates PodSecurity" in message
    patience_s = FINAL if final else SLOW_S if "failed calling webhook" in message else SURE_S
    return Trouble(f"refused {name}", words, patience_s, backs_off=True)


def _applied_at(owner: Tree) -> str:
    """Return when moor last changed an object, by the cluster's clock; empty if it never did."""
    entries = owner["metadata"].get("managedFields") or []
    return max((str(one.get("time") or "") for one in entries if one.get("manager") == MANAGER), default="")


def _of_pod(owner: Tree, pod: Tree, events: Sequence[Tree]) -> list[Trouble]:
    """Return a pod's troubles; a StatefulSet waits for a pod of its former template before it replaces it."""
    found = pod_troubles(pod, events)
    if owner.get("kind") == "Job":  # another pod takes the place of one that failed
        return found
    newest = (owner.get("status") or {}).get("updateRevision")
    own = (pod["metadata"].get("labels") or {}).get(REVISION)
    parallel = (owner.get("spec") or {}).get("podManagementPolicy") == "Parallel"
    if owner.get("kind") != "StatefulSet" or parallel or not newest or own == newest:
        return found
    namespace, name = pod["metadata"].get("namespace", "default"), pod["metadata"]["name"]
    hint = (
        f"; {name} has the former template, and the StatefulSet replaces it only once it is ready: "
        f"run kubectl delete pod -n {namespace} {name}"
    )
    return [replace(one, words=one.words + hint, patience_s=min(one.patience_s, SLOW_S)) for one in found]
