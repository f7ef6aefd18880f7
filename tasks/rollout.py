"""Whether a Deployment is rolled out, and why not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task

from moor.connections.kubernetes import is_missing, told
from moor.errors import HostError
from moor.resources.base import Remote, State
from tasks.cluster_parts import as_dict, cluster_of

PAUSE_S = 1.0


@dataclass(frozen=True)
class Rollout(Remote):
    """Hold a Deployment rolled out: every replica is of the newest template and available. Mending is waiting."""

    namespace: str
    name: str
    wait_s: int = 300

    @property
    def id(self) -> str:
        return f"rollout:{self.namespace}/{self.name}"

    @property
    def bound_s(self) -> float:
        return self.wait_s

    def desired(self, actual: State | None) -> State:
        return {"rollout": "complete"}

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        deployment = f"deployment:{self.namespace}/{self.name}"
        return {"rollout": f"older than {deployment}"} if deployment in paths else actual

    def read(self, task: Task) -> State | None:
        from lightkube.resources.apps_v1 import Deployment

        try:
            with told(self.id):
                found = cluster_of(task).get(Deployment, self.name, namespace=self.namespace)
        except HostError as error:
            if is_missing(error):
                return None
            raise
        return {"rollout": progress(as_dict(found))}

    def write(self, task: Task, actual: State | None) -> None:
        end = time.monotonic() + self.wait_s
        while (state := self.read(task)) is None or state["rollout"] != "complete":
            if time.monotonic() > end:
                words = "; ".join(self._waiting(task)) or "no pod says why"
                raise HostError(
                    f"not complete after {self.wait_s} s ({state['rollout'] if state else 'gone'}): {words}"
                )
            time.sleep(PAUSE_S)

    def _waiting(self, task: Task) -> list[str]:
        """Say why pods wait, each reason once."""
        from lightkube.resources.core_v1 import Pod

        labels: dict[str, Any] = {"app.kubernetes.io/name": self.name}
        with told(self.id):
            pods = [as_dict(pod) for pod in cluster_of(task).list(Pod, namespace=self.namespace, labels=labels)]
        return list(dict.fromkeys(reason for pod in pods for reason in waiting_reasons(pod)))


def progress(deployment: Mapping[str, Any]) -> str:
    """Say how far a Deployment's rollout is; ``complete`` once nothing is left to do."""
    wanted = deployment["spec"].get("replicas", 1)
    status = deployment.get("status", {})
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return "not yet seen by the cluster"
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated == available == status.get("replicas", 0) == wanted:
        return "complete"
    return f"{updated} of {wanted} updated, {available} available"


def waiting_reasons(pod: Mapping[str, Any]) -> list[str]:
    """Read from a pod why it does not run."""
    where = pod["spec"].get("nodeName", "no node")
    status = pod.get("status", {})
    waits = [
        entry["state"]["waiting"] for entry in status.get("containerStatuses", []) if entry["state"].get("waiting")
    ]
    reasons = [f"{where}: {wait.get('reason')}: {wait.get('message', '')}".rstrip(": ") for wait in waits]
    unready = [e for e in status.get("containerStatuses", []) if e["state"].get("running") and not e.get("ready")]
    reasons += [f"{where}: {entry['name']} runs, but its readiness probe fails" for entry in unready]
    unscheduled = [c for c in status.get("conditions", []) if c.get("reason") == "Unschedulable"]
    return reasons + [f"no node: {condition.get('message', '')}" for condition in unscheduled]
