"""The reasons why pods do not start or do not become ready, and how long each may last; pure.

References:
    messages of the kubelet and the controllers, Kubernetes 1.36
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moor.tasks.cluster.pods import container_statuses

Tree = Mapping[str, Any]

FINAL, SURE_S, SLOW_S, OPEN = 0.0, 30.0, 90.0, math.inf
ABSENT = re.compile(
    r"not found|unauthorized|denied|no basic auth|authorization failed|x509|HTTP response to HTTPS", re.I
)
NOT_ROOT = "; the image needs a USER by number, or the workload restricted: false"
# Reasons of events that explain why a pod waits if its status does not, the most specific first.
TELLING: dict[str, float] = {
    "FailedMount": SURE_S,
    "FailedMapVolume": SLOW_S,
    "FailedAttachVolume": OPEN,
    "FailedCreatePodSandBox": SLOW_S,
    "NetworkNotReady": SLOW_S,
    "FailedScheduling": SLOW_S,
    "InspectFailed": SURE_S,
    "Failed": SURE_S,
}
PROVISIONED = ("TriggeredScaleUp", "Nominated")  # the cluster autoscaler adds a node


@dataclass(frozen=True)
class Trouble:
    """One reason why a rollout waits.

    Attributes:
        key: identifies the trouble while its words change
        words: the description for users
        patience_s: how long it may last before waiting longer is useless
        backs_off: it is retried with growing delays, so that its words may be older than what was mended
    """

    key: str
    words: str
    patience_s: float
    backs_off: bool = False


def pod_troubles(pod: Tree, events: Sequence[Tree] = ()) -> list[Trouble]:
    """Return why a pod does not run: the reasons of its containers, or of its events if they give none."""
    name, status = str(pod["metadata"].get("name")), pod.get("status") or {}
    where = str((pod.get("spec") or {}).get("nodeName") or "no node")
    if pod["metadata"].get("deletionTimestamp") or status.get("phase") == "Succeeded":
        return []
    if status.get("phase") == "Failed":  # another pod replaces it, and may fail too
        words = f"{where}: {status.get('reason') or 'Failed'}: {status.get('message') or ''}".rstrip(": ")
        return [Trouble(f"{name} failed", words, OPEN)]
    probed = _probe_failure(pod, events)
    reasons = [trouble for entry in container_statuses(pod) for trouble in _of_container(entry, name, where, probed)]
    if reasons and not gives_no_reason(pod):
        return reasons
    return _of_events(pod, events, name, where) or reasons


def needs_events(pod: Tree) -> bool:
    """Return whether events tell more about a pod than its status does."""
    return gives_no_reason(pod) or any(_is_unready(entry) for entry in container_statuses(pod))


def gives_no_reason(pod: Tree) -> bool:
    """Return whether the status of a pod that does not run gives no reason."""
    reasons = [_waiting(entry).get("reason") for entry in container_statuses(pod)]
    started = [entry for entry in container_statuses(pod) if "running" in (entry.get("state") or {})]
    return not started and all(reason in (None, "", "ContainerCreating", "PodInitializing") for reason in reasons)


def _waiting(entry: Tree) -> Tree:
    return (entry.get("state") or {}).get("waiting") or {}


def _is_unready(entry: Tree) -> bool:
    return "running" in (entry.get("state") or {}) and not entry.get("ready")


def _probe_failure(pod: Tree, events: Sequence[Tree]) -> str:
    """Return what the newest failed probe of a pod said, for the end of a sentence; empty if no event has it."""
    failed = [event for event in events_about(pod, events) if event.get("reason") == "Unhealthy"]
    newest = max(failed, key=event_time, default=None)
    return f": {newest.get('message', '')}" if newest else ""


def _of_container(entry: Tree, pod: str, where: str, probed: str) -> Iterator[Trouble]:
    waiting, container = _waiting(entry), str(entry.get("name", ""))
    reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason:
        kind = "image" if "Image" in reason else reason
        patience_s, hint = _patience(reason, message)
        words = f"{where}: {reason}: {message}{hint}{_last(entry, reason)}".rstrip(": ")
        yield Trouble(f"{pod} {container} {kind}", words, patience_s, "BackOff" in reason)
    elif _is_unready(entry):
        words = f"{where}: {container} runs, but its readiness probe fails{probed}"
        yield Trouble(f"{pod} {container} unready", words, OPEN)


def _patience(reason: str, message: str) -> tuple[float, str]:
    """Return how long a container may wait for this reason, and a hint to add to its message."""
    if reason in ("InvalidImageName", "ErrImageNeverPull"):
        return FINAL, ""
    if "runAsNonRoot" in message:
        return FINAL, NOT_ROOT
    if "Image" in reason:
        return (SURE_S if ABSENT.search(message) else OPEN), ""
    if reason in ("ContainerCreating", "PodInitializing"):
        return OPEN, ""
    return (SLOW_S if reason == "CrashLoopBackOff" else SURE_S), ""


def _last(entry: Tree, reason: str) -> str:
    """Return how the last run of a crashing container ended."""
    ended = (entry.get("lastState") or {}).get("terminated") or {}
    return f"; it ended with exit code {ended.get('exitCode')}" if reason == "CrashLoopBackOff" and ended else ""


def _of_events(pod: Tree, events: Sequence[Tree], name: str, where: str) -> list[Trouble]:
    own = events_about(pod, events)
    room = any(event.get("reason") in PROVISIONED for event in own)
    scheduled = bool((pod.get("spec") or {}).get("nodeName"))
    for reason, patience_s in TELLING.items():
        if scheduled == (reason == "FailedScheduling"):
            continue
        for event in sorted(own, key=event_time, reverse=True):
            if event.get("reason") == reason and event.get("type") == "Warning":
                words = f"{where}: {reason}: {event.get('message', '')}"
                return [Trouble(f"{name} {reason}", words, OPEN if room else patience_s, backs_off=True)]
    return list(_unscheduled(pod, name, room))


def events_about(tree: Tree, events: Sequence[Tree]) -> list[Tree]:
    """Return the events about one object."""
    uid = tree["metadata"].get("uid")
    return [event for event in events if (event.get("involvedObject") or {}).get("uid") == uid]


def event_time(event: Tree) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp") or "")


def _unscheduled(pod: Tree, name: str, room: bool) -> Iterator[Trouble]:
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition.get("reason") == "Unschedulable":
            words = f"no node: {condition.get('message', '')}"
            yield Trouble(f"{name} FailedScheduling", words, OPEN if room else SLOW_S)
