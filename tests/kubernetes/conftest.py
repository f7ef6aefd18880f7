"""A stand-in cluster in memory and on tmp_path, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.api.cluster import Cluster
from moor_lab.kubernetes.standin.api.options import Options
from moor_lab.kubernetes.standin.controllers.loop import Controllers
from moor_lab.kubernetes.standin.objects import Object, clone, is_true, name_of, set_condition, timestamp
from moor_lab.kubernetes.standin.store import Store
from tests.kubernetes.served import api, client

__all__ = ["api", "client"]

RECORDINGS = Path(__file__).parents[1] / "recordings" / "kubernetes"
APPLY = "application/apply-patch+yaml"


@dataclass
class Clock:
    """A clock that only the test moves."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn(self, seconds: float) -> None:
        """Move the clock forward."""
        self.now += timedelta(seconds=seconds)


@dataclass
class Fleet:
    """A cluster with controllers and simulated nodes; each step is one round of all of them."""

    cluster: Cluster
    clock: Clock
    broken_images: set[str] = field(default_factory=set)

    def apply(self, kind: kinds.Kind, obj: Object, manager: str = "test", **options: Any) -> Object:
        """Apply an object server-side."""
        namespace = obj["metadata"].get("namespace", "")
        chosen = Options(manager=manager, **options)
        return self.cluster.patch(kind, namespace, name_of(obj), APPLY, obj, chosen).obj

    def add_node(self, name: str, **spec: Any) -> None:
        """Add a node with a current heartbeat."""
        self.cluster.create(kinds.NODE, "", {"metadata": {"name": name, "labels": {"host": name}}, "spec": spec})
        self.beat(name)

    def beat(self, name: str) -> None:
        """Write a heartbeat of a node."""
        node, now = clone(self.cluster.store.get(kinds.NODE, "", name)), timestamp(self.clock.now)
        ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}
        conditions = set_condition(node.get("status", {}).get("conditions", []), ready)
        node["status"] = {"conditions": conditions, "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}}
        self.cluster.update(kinds.NODE, "", name, node, Options(subresource="status"))

    def cordon(self, name: str) -> None:
        """Let no further pods onto a node."""
        node = clone(self.cluster.store.get(kinds.NODE, "", name))
        node["spec"]["unschedulable"] = True
        self.cluster.update(kinds.NODE, "", name, node)

    def pods(self, app: str = "web") -> list[Object]:
        """Return the pods of one deployment, without those that are being deleted."""
        found = self.cluster.store.select(kinds.POD, "demo")[0]
        return [
            one
            for one in found
            if one["metadata"]["labels"].get("app") == app and not one["metadata"].get("deletionTimestamp")
        ]

    def deployment(self, name: str = "web") -> Object:
        """Return the current state of a deployment."""
        return self.cluster.store.get(kinds.DEPLOYMENT, "demo", name)

    def settle(self, rounds: int = 40) -> None:
        """Run controllers and nodes until nothing is left to do."""
        controllers = Controllers(self.cluster)
        for _ in range(rounds):
            version = self.cluster.store.version
            controllers.once()
            self.run_pods()
            if self.cluster.store.version == version:
                return

    def run_pods(self) -> None:
        """Act as the nodes' agents: pods become ready unless their image is broken, deleted ones are removed."""
        for pod in self.cluster.store.select(kinds.POD)[0]:
            name = name_of(pod)
            if pod["metadata"].get("deletionTimestamp"):
                self.cluster.delete(kinds.POD, "demo", name, {"gracePeriodSeconds": 0})
            elif pod["spec"].get("nodeName") and pod["status"]["phase"] == "Pending" and not is_true(pod, "Ready"):
                self._start(pod)

    def finish(self, pod: Object, phase: str = "Succeeded") -> None:
        """End a pod, as its node's agent tells it."""
        out, now = clone(self.cluster.store.get(kinds.POD, "demo", name_of(pod))), timestamp(self.clock.now)
        ended = {"name": "web", "state": {"terminated": {"exitCode": int(phase == "Failed"), "finishedAt": now}}}
        ready = {"type": "Ready", "status": "False", "reason": "PodCompleted", "lastTransitionTime": now}
        conditions = set_condition(out["status"].get("conditions", []), ready)
        out["status"] |= {"phase": phase, "containerStatuses": [ended], "conditions": conditions}
        self.cluster.update(kinds.POD, "demo", name_of(pod), out, Options(subresource="status"))

    def _start(self, pod: Object) -> None:
        if pod["spec"]["containers"][0]["image"] in self.broken_images:
            return
        out = clone(pod)
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": timestamp(self.clock.now)}
        conditions = set_condition(out["status"].get("conditions", []), ready)
        out["status"] |= {"phase": "Running", "conditions": conditions}
        self.cluster.update(kinds.POD, "demo", name_of(pod), out, Options(subresource="status"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cluster(tmp_path: Path, clock: Clock) -> Iterator[Cluster]:
    """Yield an empty cluster with the namespace demo."""
    store = Store(tmp_path / "cluster.sqlite")
    cluster = Cluster(store, clock)
    cluster.create(kinds.NAMESPACE, "", {"metadata": {"name": "demo"}})
    yield cluster
    store.close()


@pytest.fixture
def fleet(cluster: Cluster, clock: Clock) -> Fleet:
    """Return the cluster with three nodes."""
    made = Fleet(cluster, clock)
    for name in ("n1", "n2", "n3"):
        made.add_node(name)
    return made


@pytest.fixture
def recordings() -> Path:
    """Return the directory with recorded answers of a real cluster."""
    return RECORDINGS
