"""Nodes pull an image before a roll-out, each by its own kubelet, and nothing runs."""

from __future__ import annotations

import pytest
from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import Pod

from tests.lab.conftest import Moored
from tests.lab.writing import sections_laid_over

pytestmark = pytest.mark.lab

IMAGE = "demo/python:3.13"  # in the registry as the base of another, and on no node
IMAGES = "ctr -n k8s.io images ls -q | grep demo/python || :"


def test_the_chosen_nodes_have_the_image_before_anything_runs(moored: Moored) -> None:
    early = {
        "namespace": "demo",
        "image": IMAGE,
        "robot": "puller",
        "restricted": False,
        "prepull": {"nodes": ["node1", "node2"], "at_once": 1, "wait_s": 120},
    }
    nodes = ("node1", "node2", "node3")
    try:
        with sections_laid_over(moored, {"workloads": {"early": early}}):
            assert moored.moor.planned("prepull") == ["pre-pull:demo/early"]
            moored.moor.applied("prepull")
        held = {name: IMAGE in moored.lab.exec(name, ["sh", "-c", IMAGES]) for name in nodes}
        assert held == {"node1": True, "node2": True, "node3": False}
        config = KubeConfig.from_file(moored.lab.directory / "kubeconfig").get()
        with Client(config, trust_env=False) as client:
            assert not list(client.list(Pod, namespace="demo", labels={"moor/pre-pull": "early"}))
    finally:
        for name in nodes:
            moored.lab.exec(name, ["sh", "-c", f'i=$({IMAGES}); [ -z "$i" ] || ctr -n k8s.io images rm --sync $i'])
    assert moored.moor.planned() == []
