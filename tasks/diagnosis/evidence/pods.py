"""Evidence about nodes and about pods that do not start, from the cluster's objects; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from moor.tasks.cluster.pods import container_statuses
from moor.tasks.diagnosis.evidence.cluster_snapshot import (
    ClusterSnapshot,
    KubeObject,
    PodExpectations,
    namespace_of,
    pod_name,
    registry_images,
    registry_path,
)
from moor.tasks.diagnosis.evidence.distributions import distribution_of, distribution_remedies
from moor.tasks.diagnosis.evidence.owners import top_owner
from moor.tasks.diagnosis.evidence.registry_answers import clean
from moor.tasks.diagnosis.messages.explain import WRAPPER_IDS, explain
from moor.tasks.diagnosis.rules.pods import BACKING_OFF

# Reasons that kubelet gives a container that waits. Source: Kubernetes, pkg/kubelet: images/types.go, kuberuntime,
# container/sync_result.go; cri-api, pkg/errors.
STARTING = ("ContainerCreating", "PodInitializing")
OF_IMAGE = (*BACKING_OFF, "RegistryUnavailable", "SignatureValidationFailed", "ImageInspectError", "ErrImageNeverPull")
TELLING_EVENTS = ("FailedToRetrieveImagePullSecret", "FailedCreatePodSandBox", "InspectFailed", "Failed", "FailedMount")
# Causes that only the message of the failed pull shows, and no probe of the node.
NODE_INVISIBLE = frozenset({
    "disk-full", "disk-broken", "layer-cut", "layer-bad", "bytes-altered", "blob-missing", "policy-unscanned",
    "policy-vulnerable", "policy-unsigned", "policy-refused", "rate-limit", "signature-policy",
    "pull-records", "manifest-old", "pull-locked", "pull-cancelled", "pull-throttled", "inotify-full",
    "storage-redirect", "platform-wrong", "answer-redirect", "http2-goaway",
})  # fmt: skip


@dataclass(frozen=True)
class WaitingReason:
    """Why a container of a pod, or the whole pod, does not run; empty if nothing holds it up."""

    reason: str = ""
    message: str = ""
    image: str = ""


def waits_for_image(pod: KubeObject) -> bool:
    """Return whether a container of the pod waits for its image."""
    return any(held.reason in OF_IMAGE for held in waiting_reasons(pod))


def waiting_reasons(pod: KubeObject) -> list[WaitingReason]:
    """Return why a pod's containers wait, else why the whole pod does, without duplicates."""
    waiting = [
        WaitingReason(*_words(entry["state"]["waiting"]), _image(pod, entry))
        for entry in container_statuses(pod)
        if _waits(entry)
    ]
    telling = [held for held in waiting if held.reason and held.reason not in STARTING]
    return list(dict.fromkeys(telling)) or [held for held in (_pending(pod), *waiting, WaitingReason()) if held][:1]


def _pending(pod: KubeObject) -> WaitingReason | None:
    status = pod.get("status") or {}
    if status.get("phase") == "Failed":
        return WaitingReason(
            f"Failed: {status.get('reason') or 'its containers ended'}", str(status.get("message") or "")
        )
    stopped = ("Unschedulable", "SchedulingGated")
    conditions: list[KubeObject] = status.get("conditions") or []
    return next((WaitingReason(*_words(entry)) for entry in conditions if entry.get("reason") in stopped), None)


def _words(state: KubeObject) -> tuple[str, str]:
    return str(state.get("reason") or ""), str(state.get("message") or "")


def _waits(status: KubeObject) -> bool:
    return bool((status.get("state") or {}).get("waiting"))


def _image(pod: KubeObject, status: KubeObject) -> str:
    """Return a container's image as its template has it; the status may have another form of it."""
    spec = pod.get("spec") or {}
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    asked = next((c.get("image") for c in containers if c.get("name") == status.get("name")), None)
    return str(asked or status.get("image") or "")


def _policy(pod: KubeObject, image: str) -> str:
    """Return the pull policy of a pod's container with this image."""
    spec = pod.get("spec") or {}
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    return next((str(one.get("imagePullPolicy") or "") for one in containers if one.get("image") == image), "")


def node_evidence(node: KubeObject | None, host: str) -> dict[str, str]:
    """Return the evidence about a node, from its conditions."""
    if node is None:
        return {"host": host, "known": "no"}
    conditions = (node.get("status") or {}).get("conditions") or []
    ready: KubeObject = next((c for c in conditions if c.get("type") == "Ready"), {})
    return {
        "host": host,
        "known": "yes",
        "ready": str(ready.get("status", "Unknown")),
        "reason": clean(str(ready.get("reason", ""))),
        "message": clean(str(ready.get("message", ""))),
        **distribution_remedies(distribution_of(node), host),
    }


def pod_evidence(
    pod: KubeObject, view: ClusterSnapshot, wanted: PodExpectations, host: str = ""
) -> list[dict[str, str]]:
    """Return the evidence about a pod, one piece for each reason why it waits."""
    kind, top = top_owner(pod, view.owners)
    about = {
        "pod": pod_name(pod),
        "name": str(pod["metadata"]["name"]),
        "namespace": namespace_of(pod),
        "deployment": top,
        "owner": f"{kind} {top}",
        "unready": " ".join(_unready(pod)),
        **_digests(pod, wanted),
    }
    return [{**about, **_described(pod, held, view, wanted, host)} for held in waiting_reasons(pod)]


def _described(
    pod: KubeObject, held: WaitingReason, view: ClusterSnapshot, wanted: PodExpectations, host: str
) -> dict[str, str]:
    """Return one waiting reason as fields; events count only if the state does not give the reason."""
    event: KubeObject = _event(pod, view.events) if held.reason in (*STARTING, *BACKING_OFF) else {}
    sandbox = event.get("reason") == "FailedCreatePodSandBox" and held.reason in STARTING
    words = str(event.get("message", "")) if held.reason in STARTING else f"{held.reason}: {held.message}"
    known = [one for one in explain(words, wanted.ours, host) if one.rule not in WRAPPER_IDS]
    named = (
        registry_path(held.image, wanted.host_port)
        if held.image
        else next(iter(registry_images(pod, wanted.host_port)), "")
    )
    return {
        "image": named or clean(held.image),
        "policy": _policy(pod, held.image),
        "ours": "yes" if named else "no",
        "reason": clean(held.reason),
        "message": clean(held.message),
        "event": clean(str(event.get("reason", ""))),
        "event_message": clean(str(event.get("message", ""))),
        "said": clean("; ".join(one.cause for one in known)),
        "said_mend": clean("; ".join(one.mend for one in known)),
        "beyond": "yes" if known and known[0].rule in NODE_INVISIBLE else "no",
        "own": "yes" if sandbox or (held.reason and held.reason not in (*STARTING, *OF_IMAGE)) else "no",
    }


def _event(pod: KubeObject, events: Sequence[KubeObject]) -> KubeObject:
    """Return the newest event of a pod whose reason is in ``TELLING_EVENTS``, preferring the reasons listed first."""
    own = [e for e in events if (e.get("involvedObject") or {}).get("name") == pod["metadata"]["name"]]
    conditions = (pod.get("status") or {}).get("conditions") or []
    begun = any(c.get("type") == "PodReadyToStartContainers" and c.get("status") == "True" for c in conditions)
    reasons = [reason for reason in TELLING_EVENTS if not (begun and reason == "FailedCreatePodSandBox")]
    return next((e for reason in reasons for e in reversed(own) if e.get("reason") == reason), {})


def _unready(pod: KubeObject) -> Iterator[str]:
    for entry in container_statuses(pod):
        if "running" in (entry.get("state") or {}) and not entry.get("ready"):
            yield str(entry.get("name"))


def _digests(pod: KubeObject, wanted: PodExpectations) -> dict[str, str]:
    for entry in container_statuses(pod):
        pushed = wanted.digests.get(registry_path(_image(pod, entry), wanted.host_port))
        held = str(entry.get("imageID", "")).rpartition("@")[2]
        if pushed and "running" in (entry.get("state") or {}) and held != pushed:
            return {"runs": held or "an unknown image", "pushed": pushed}
    return {}


def shows_fault(evidence: Mapping[str, str]) -> bool:
    """Return whether the evidence about a pod shows that it does not run, or not what it should."""
    return any(evidence.get(key) for key in ("reason", "runs", "unready"))


def distinct_faults(found: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Return the evidence that shows faults, one for each owner and fault; else the first evidence of all."""
    telling = [one for one in found if shows_fault(one)]
    keys = ("namespace", "owner", "reason", "image", "runs", "unready")
    each = {tuple(one.get(key, "") for key in keys): one for one in reversed(telling)}
    return list(reversed(each.values())) or list(found[:1])
