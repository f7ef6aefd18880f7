"""The status of a pod, computed from the states of its containers; pure.

Source  recordings of a kubelet v1.36 with containerd.
"""

from dataclasses import dataclass, field
from datetime import datetime

from ..objects import Object, dig, set_condition, timestamp


@dataclass(frozen=True)
class ContainerState:
    """The state of a container; ``state`` and ``last`` are waiting, running or terminated with their fields."""

    state: Object
    last: Object = field(default_factory=dict)
    id: str = ""
    image_id: str = ""
    restarts: int = 0
    ready: bool = False

    @property
    def running(self) -> bool:
        """Return whether its process runs."""
        return "running" in self.state


def waiting(reason: str, message: str = "") -> Object:
    """Return the state of a container that waits."""
    return {"waiting": {"message": message, "reason": reason} if message else {"reason": reason}}


def running(since: datetime) -> Object:
    """Return the state of a running container."""
    return {"running": {"startedAt": timestamp(since)}}


def terminated(code: int, id: str, started: str, finished: datetime, reason: str = "", message: str = "") -> Object:
    """Return the state of a container that has ended."""
    ended = {
        "containerID": f"containerd://{id}",
        "exitCode": code,
        "finishedAt": timestamp(finished),
        "reason": reason or ("Completed" if code == 0 else "Error"),
        "startedAt": started,
    }
    return {"terminated": ended | ({"message": message} if message else {})}


CREATING = ContainerState(waiting("ContainerCreating"))


def status_of(pod: Object, states: dict[str, ContainerState], address: str, now: datetime) -> Object:
    """Return the pod's status; conditions keep the time of their last change."""
    old = pod.get("status", {})
    containers = pod["spec"]["containers"]
    unready = [one["name"] for one in containers if not states[one["name"]].ready]
    conditions: list[Object] = list(old.get("conditions", []))
    phase = _phase(pod, list(states.values()))
    for condition in _conditions(unready, over=phase == "Succeeded"):
        full = {"lastProbeTime": None, "lastTransitionTime": timestamp(now), **condition}
        full["observedGeneration"] = pod["metadata"].get("generation", 1)
        conditions = set_condition(conditions, full)
    return {
        "conditions": conditions,
        "containerStatuses": [_container(one, states[one["name"]]) for one in containers],
        "hostIP": address,
        "hostIPs": [{"ip": address}],
        "observedGeneration": pod["metadata"].get("generation", 1),
        "phase": phase,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "qosClass": old.get("qosClass", "BestEffort"),
        "startTime": old.get("startTime") or timestamp(now),
    }


def _conditions(unready: list[str], over: bool) -> list[Object]:
    ready: Object = {"status": "True"}
    if over:
        ready = {"status": "False", "reason": "PodCompleted"}
    elif unready:
        message = f"containers with unready status: [{' '.join(unready)}]"
        ready = {"status": "False", "reason": "ContainersNotReady", "message": message}
    return [
        {"type": "PodReadyToStartContainers", "status": "False" if over else "True"},
        {"type": "Initialized", "status": "True", **({"reason": "PodCompleted"} if over else {})},
        {"type": "Ready", **ready},
        {"type": "ContainersReady", **ready},
    ]


def _phase(pod: Object, states: list[ContainerState]) -> str:
    """Return the phase: Pending until every container has run once; Succeeded or Failed only without restarts."""
    codes = [dig(one.state, "terminated", "exitCode") for one in states]
    if pod["spec"]["restartPolicy"] != "Always" and None not in codes:
        return "Failed" if any(codes) else "Succeeded"
    started = all(one.running or one.last or "terminated" in one.state for one in states)
    return "Running" if started else "Pending"


def _container(container: Object, state: ContainerState) -> Object:
    known = {"containerID": f"containerd://{state.id}"} if state.id else {}
    return known | {
        "image": container["image"],
        "imageID": state.image_id,
        "lastState": state.last,
        "name": container["name"],
        "ready": state.ready,
        "restartCount": state.restarts,
        "started": state.running,
        "state": state.state,
    }
