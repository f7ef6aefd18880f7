"""A roll-out of the whole site: each node is drained, its containerd restarts, and it gets pods before the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lightkube import Client, KubeConfig
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.models.policy_v1 import PodDisruptionBudgetSpec
from lightkube.resources.core_v1 import Node, Pod
from lightkube.resources.policy_v1 import PodDisruptionBudget
from ruamel.yaml import YAML

from tests.harness.waiting import until
from tests.lab.conftest import Moored
from tests.lab.writing import sections_laid_over

pytestmark = pytest.mark.lab

CONFIG = "/etc/containerd/config.toml"
NODES = ("node1", "node2")
NOTE = """\
#!/bin/sh
echo "$MOOR_HOOK $MOOR_HOST $MOOR_TICKET $MOOR_RESULT" >> {log}
"""


@contextmanager
def hooks_of(moored: Moored, folder: Path) -> Iterator[Path]:
    """Have every hook of the site write a line to a file, whose path is yielded."""
    log, note, config = folder / "hooks", folder / "note", moored.moor.site / "config.yaml"
    note.write_text(NOTE.format(log=log))
    note.chmod(0o700)
    before = config.read_text()
    tree = YAML(typ="safe", pure=True).load(before)
    hook = [{"command": [str(note)]}]
    settings = tree.setdefault("user_defined", {}).setdefault("moor", {})
    settings["hooks"] = dict.fromkeys(("before_run", "before_host", "after_host", "after_run"), hook)
    with config.open("w") as file:
        YAML(typ="safe", pure=True).dump(tree, file)
    try:
        yield log
    finally:
        config.write_text(before)


def hooks_around(host: str) -> list[str]:
    return [f"before_host {host} CHG-1 ", f"after_host {host} CHG-1 ok"]


def running(client: Client) -> dict[str, str]:
    """Return the nodes of the workload's pods that are ready, by pod."""
    pods = client.list(Pod, namespace="demo")
    return {
        str(pod.metadata.name): str(pod.spec.nodeName)
        for pod in pods
        if pod.metadata and pod.spec and pod.status and not pod.metadata.deletionTimestamp
        if any(one.type == "Ready" and one.status == "True" for one in pod.status.conditions or [])
    }


def test_the_whole_site_is_rolled_out_with_hooks_drains_and_a_workload_that_stays(
    moored: Moored, tmp_path: Path
) -> None:
    config = KubeConfig.from_file(moored.lab.directory / "kubeconfig").get()
    with Client(config, trust_env=False) as client:
        before = until(lambda: running(client), "the workload runs")
        budget = PodDisruptionBudgetSpec(minAvailable=1, selector=LabelSelector())
        client.create(PodDisruptionBudget(metadata=ObjectMeta(name="kept", namespace="demo"), spec=budget))
        try:
            for name in NODES:
                moored.lab.exec(name, ["touch", CONFIG])  # its service is older now
            for name in ("harbor1", "ws1"):
                moored.lab.exec(name, ["sed", "-i", "/moor.test/d", "/etc/hosts"])
            drain = {"maintenance": {"drain": {"timeout_s": 120, "empty_dir": True}}}
            with sections_laid_over(moored, drain), hooks_of(moored, tmp_path) as log:
                words = ("--canary", "node1", "--batch", "1", "--yes", "--ticket", "CHG-1")
                done = moored.moor("apply", *words)
            assert done.returncode == 0, done.said
            assert done.stdout.count("service:containerd") == 1  # one entry for both nodes
            assert log.read_text().splitlines() == [
                "before_run  CHG-1 ",
                *(line for name in ("harbor1", *NODES, "ws1") for line in hooks_around(name)),
                "after_run  CHG-1 ok",
            ]
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
