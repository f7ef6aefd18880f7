"""The files that are written to a host's disk before it boots."""

from __future__ import annotations

import json
import os
import stat
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from moor.errors import InputError
from moor_lab.fleet import load_fleet
from moor_lab.kubernetes import seed
from moor_lab.lab import Lab

AGENT = {"moor-lab-kubelet.service", "moor-lab-pods.service"}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(load_fleet().moved(IPv4Network("10.99.0.0/16"), "seed", tmp_path / "lab"))


def seeded(lab: Lab, name: str, tmp_path: Path) -> Path:
    upper = tmp_path / name
    seed(lab.fleet.hosts[name], upper, lab.fleet)
    return upper


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def enabled(upper: Path) -> set[str]:
    return set(os.listdir(upper / "etc/systemd/system/multi-user.target.wants"))


def test_the_control_plane_gets_server_and_agent(lab: Lab, tmp_path: Path) -> None:
    upper = seeded(lab, "cp1", tmp_path)
    assert enabled(upper) == {"moor-lab-kubernetes.service", *AGENT}
    assert (upper / "opt/moor-lab/standin/server.py").exists()
    assert mode(upper / "opt/moor-lab/kubernetes/tls.key") == 0o600
    config = json.loads((upper / "opt/moor-lab/kubelet/config.json").read_text())
    assert config["taints"][0]["key"] == "node-role.kubernetes.io/control-plane"


def test_a_node_gets_the_agent_and_no_secret_of_others(lab: Lab, tmp_path: Path) -> None:
    seeded(lab, "cp1", tmp_path)
    upper = seeded(lab, "node1", tmp_path)
    kept = lab.directory / "kubernetes"
    held = "".join(path.read_text(errors="replace") for path in upper.rglob("*") if path.is_file())
    assert enabled(upper) == AGENT
    assert not [name for name in ("admin.token", "node.key", "tls.key") if (kept / name).read_text().strip() in held]
    assert mode(upper / "opt/moor-lab/kubelet/config.json") == 0o600


def test_the_kubeconfig_is_for_its_owner_alone(lab: Lab, tmp_path: Path) -> None:
    seeded(lab, "cp1", tmp_path)
    path = lab.directory / "kubeconfig"
    assert mode(path) == 0o600
    assert json.loads(path.read_text())["clusters"][0]["cluster"]["server"] == "https://10.99.0.21:6443"


def test_seeding_again_changes_no_key_and_no_token(lab: Lab, tmp_path: Path) -> None:
    seeded(lab, "cp1", tmp_path)
    before = {path.name: path.read_bytes() for path in (lab.directory / "kubernetes").iterdir()}
    seeded(lab, "cp1", tmp_path)
    assert {path.name: path.read_bytes() for path in (lab.directory / "kubernetes").iterdir()} == before


def test_nodes_without_a_control_plane_are_refused(tmp_path: Path) -> None:
    lab = Lab(load_fleet().moved(IPv4Network("10.99.0.0/16"), "seed", tmp_path / "lab").only("node1"))
    with pytest.raises(InputError, match="one host of role control-plane"):
        seed(lab.fleet.hosts["node1"], tmp_path / "node1", lab.fleet)
