"""A roll-out over real nodes: each is drained, its containerd restarts, and it gets pods again before the next one."""

from __future__ import annotations

import pytest
from lightkube import Client, KubeConfig
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.models.policy_v1 import PodDisruptionBudgetSpec
from lightkube.resources.core_v1 import Node, Pod
from lightkube.resources.policy_v1 import PodDisruptionBudget

from tests.harness.waiting import until
from tests.lab.conftest import Moored
from tests.lab.writing import sections_laid_over

pytestmark = pytest.mark.lab

CONFIG = "/etc/containerd/config.toml"
NODES = ("node1", "node2")


def running(client: Client) -> dict[str, str]:
    """Return the nodes of the workload's pods that are ready, by pod."""
    pods = client.list(Pod, namespace="demo")
    return {
        str(pod.metadata.name): str(pod.spec.nodeName)
        for pod in pods
        if pod.metadata and pod.spec and pod.status and not pod.metadata.deletionTimestamp
        if any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions or [])
    }


def test_nodes_are_drained_one_after_the_other_and_the_workload_stays(moored: Moored) -> None:
    config = KubeConfig.from_file(moored.lab.directory / "kubeconfig").get()
    with Client(config, trust_env=False) as client:
        before = until(lambda: running(client), "the workload runs")
        budget = PodDisruptionBudgetSpec(minAvailable=1, selector=LabelSelector())
        client.create(PodDisruptionBudget(metadata=ObjectMeta(name="kept", namespace="demo"), spec=budget))
        try:
            for name in NODES:
                moored.lab.exec(name, ["touch", CONFIG])  # its service is older now
            with sections_laid_over(moored, {"maintenance": {"drain": {"timeout_s": 120, "empty_dir": True}}}):
                words = ("containerd", "--limit", ",".join(NODES), "--canary", "node1", "--batch", "1")
                assert moored.moor.planned(*words[:3]) == ["service:containerd"] * 2
                done = moored.moor("apply", *words, "--yes", "--ticket", "CHG-1")
            assert done.returncode == 0, done.said
            assert done.stderr.index("configure_containerd: node1") < done.stderr.index("configure_containerd: node2")
            evicted = {name for name, node in before.items() if node in NODES}
            assert evicted
            assert not evicted & running(client).keys()
            for name in NODES:
                node = client.get(Node, name)
                assert node.spec is not None
                assert node.metadata is not None
                assert not node.spec.unschedulable
                assert "moor/cordoned" not in (node.metadata.annotations or {})
            until(lambda: len(running(client)) == len(before), "the workload runs again")
        finally:
            client.delete(PodDisruptionBudget, "kept", namespace="demo")
    assert "CHG-1" in moored.moor("history").stdout
