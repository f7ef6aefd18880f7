"""The state of a container that an earlier run of the agent started, from the API server and containerd."""

import hashlib
from dataclasses import dataclass

from ..objects import Object, dig, now, parse_time, uid_of
from . import containerd
from .status import CREATING, ContainerState, running, terminated


@dataclass(frozen=True)
class Recovered:
    """The state of a container, and the PID of its process; 0 if none runs."""

    state: ContainerState
    process: int = 0


def container_id(pod: Object, name: str, attempt: int) -> str:
    """Return the id of a container, the same for each attempt, so that a restarted agent finds it."""
    return hashlib.sha256(f"{uid_of(pod)}/{name}/{attempt}".encode()).hexdigest()


def recovered(pod: Object, name: str) -> Recovered:
    """Return the state that the API server and containerd have of a container."""
    statuses: list[Object] = dig(pod, "status", "containerStatuses") or []
    told = next((one for one in statuses if one["name"] == name), None)
    restarts = told["restartCount"] if told else 0
    for attempt in (restarts + 1, restarts):
        process = containerd.process_of(container_id(pod, name, attempt))
        if process:
            return Recovered(_adopted(told or {}, container_id(pod, name, attempt), attempt), process)
    return Recovered(_told(told, container_id(pod, name, restarts)) if told else CREATING)


def _adopted(told: Object, id: str, attempt: int) -> ContainerState:
    started = dig(told, "state", "running", "startedAt")
    since = running(parse_time(started) if started else now())
    ready = bool(told.get("ready"))
    return ContainerState(since, told.get("lastState", {}), id, told.get("imageID", ""), attempt, ready)


def _told(told: Object, id: str) -> ContainerState:
    """Return the state of a container without a process; if it ran, it ended while the agent did not run."""
    state, last = told["state"], told.get("lastState", {})
    if "running" in state:
        last = ended(id, state["running"]["startedAt"])
    past = bool(last) or "terminated" in state
    return ContainerState(
        last if "running" in state else state, last, id if past else "", told["imageID"], told["restartCount"]
    )


def ended(id: str, started: str) -> Object:
    """Return the state of a container whose process has ended."""
    code = containerd.collect(id)
    unknown = {"reason": "ContainerStatusUnknown", "message": "The container could not be located"}
    return terminated(137 if code is None else code, id, started, now(), **(unknown if code is None else {}))
