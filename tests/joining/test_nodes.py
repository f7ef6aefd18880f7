"""Which node of the cluster is which host of the inventory, and what only one of them knows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import InputError
from moor.inventory.cluster import entry_of_node
from moor.inventory.identity import FRAGMENT, HostIdentity, identity_of
from moor.inventory.joining import adoptable_nodes
from moor.inventory.nodes import Node, node_of, pair_nodes
from moor.tasks.cluster.members import differences
from tests.harness.shells import SHELLS, sh, text

SERVER = {"containerd": {"runtime": "rke2", "unit": "rke2-server"}}
CONTROL_PLANE = {"node-role.kubernetes.io/control-plane": ""}
names = st.text("abc", min_size=1, max_size=2)
addresses = st.sampled_from([f"10.0.0.{n}" for n in range(6)])
nodes = st.lists(
    st.builds(Node, names, st.lists(addresses, max_size=2).map(tuple)), max_size=6, unique_by=lambda n: n.name
)


def described(**changes: Any) -> dict[str, Any]:
    info = {"kubeletVersion": "v1.30.4", "osImage": "Debian 12", "containerRuntimeVersion": "containerd://1.7.2"}
    tree: dict[str, Any] = {
        "metadata": {"name": "node1", "labels": {"a": "b"}},
        "status": {
            "addresses": [{"type": "Hostname", "address": "node1"}, {"type": "InternalIP", "address": "10.0.0.1"}],
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {**info, **changes},
        },
    }
    return tree


@pytest.mark.parametrize(
    ("changes", "distribution"),
    [
        ({}, "kubernetes"),
        ({"kubeletVersion": "v1.30.4+k3s1"}, "k3s"),
        ({"kubeletVersion": "v1.30.4+rke2r1"}, "rke2"),
        ({"osImage": "Talos (v1.7.5)"}, "talos"),
        ({"kubeletVersion": "v1.30.4-eks-036c24b"}, "kubernetes"),
    ],
)
def test_a_distribution_is_known_by_what_its_nodes_say(changes: dict[str, str], distribution: str) -> None:
    assert node_of(described(**changes)).distribution == distribution


def test_a_node_is_read_with_its_internal_address_first() -> None:
    node = node_of(described())
    assert (node.name, node.addresses, node.trouble) == ("node1", ("10.0.0.1", "node1"), "")
    assert node.facts["labels"] == {"a": "b"}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [([], "does not say"), ([{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped"}], "Kubelet stopped")],
)
def test_a_node_that_is_not_ready_says_why(conditions: list[Any], words: str) -> None:
    tree = described()
    tree["status"]["conditions"] = conditions
    assert words in node_of(tree).trouble


def test_a_node_without_any_status_is_read_too() -> None:
    assert node_of({"metadata": {"name": "bare"}}).name == "bare"


@given(st.dictionaries(names, addresses, max_size=5), nodes)
def test_every_node_is_one_host_or_a_stranger(hosts: dict[str, str], cluster: list[Node]) -> None:
    found = pair_nodes(hosts, cluster)
    assert sorted(node.name for node in (*found.nodes.values(), *found.strangers)) == sorted(n.name for n in cluster)
    assert set(found.nodes) <= set(hosts)


@given(st.dictionaries(names, addresses, max_size=5), nodes)
def test_a_fleet_that_is_its_cluster_has_no_findings_and_any_difference_has(
    hosts: dict[str, str], cluster: list[Node]
) -> None:
    found = pair_nodes(hosts, cluster)
    findings = list(differences(dict.fromkeys(hosts, True), found))
    assert (findings == []) == (not found.strangers and set(found.nodes) == set(hosts))
    assert len({(finding.host, finding.id) for finding in findings}) == len(findings)


def test_each_difference_is_told_with_its_remedy() -> None:
    cluster = [
        Node("node9", ("10.0.0.9",)),
        Node("tal1", ("10.0.0.8",), os_image="Talos (v1.7.5)"),
        Node("ws", ("10.0.0.2",)),
        Node("n1", ("10.0.0.1",), trouble="Kubelet stopped"),
    ]
    hosts = {"n1": "10.0.0.1", "ws": "10.0.0.2", "gone": "10.0.0.3"}
    findings = {f.id: f for f in differences({"n1": True, "ws": False, "gone": True}, pair_nodes(hosts, cluster))}
    assert set(findings) == {"node:node9", "node:tal1", "member:gone", "ready:n1", "group:ws"}
    assert findings["node:node9"].remedy == "moor onboard node9"
    assert "machine config" in findings["node:tal1"].remedy


@pytest.mark.parametrize(
    ("node", "entry"),
    [
        (Node("a", ("10.0.0.1",)), {"hostname": "10.0.0.1", "groups": ["nodes"]}),
        (
            Node("a", ("10.0.0.1",), kubelet="v1.30.4+k3s1"),
            {"hostname": "10.0.0.1", "groups": ["nodes"], "data": {"containerd": {"runtime": "k3s"}}},
        ),
        (
            Node("a", ("10.0.0.1",), kubelet="v1.30.4+rke2r1", labels=CONTROL_PLANE),
            {"hostname": "10.0.0.1", "groups": ["nodes"], "data": SERVER},
        ),
        (
            Node("a", ("10.0.0.1",), runtime="cri-o://1.30.2", kubelet="v1.30.4"),
            {"hostname": "10.0.0.1", "groups": ["nodes"], "data": {"containerd": {"runtime": "crio"}}},
        ),
    ],
)  # fmt: skip
def test_a_node_is_written_down_as_what_it_is(node: Node, entry: dict[str, Any]) -> None:
    assert entry_of_node(node) == entry


ELSEWHERE = Node("ip-10-0-0-33.internal", ("10.0.0.33",), machine="m3")
INVENTORY = {"node3": "192.168.1.3", "node4": "192.168.1.4"}


@pytest.mark.parametrize(
    ("identity", "same"),
    [
        (HostIdentity(), False),
        (HostIdentity(machine="m3"), True),
        (HostIdentity(machine="other"), False),
        (HostIdentity(names=("ip-10-0-0-33.internal",)), True),
        (HostIdentity(node="ip-10-0-0-33.internal"), True),
        (HostIdentity(node="another", machine="m3"), False),
    ],
)
def test_a_node_of_another_name_and_address_is_paired_by_who_its_host_is(identity: HostIdentity, same: bool) -> None:
    found = pair_nodes(INVENTORY, [ELSEWHERE], {"node3": identity})
    assert (found.nodes.get("node3") == ELSEWHERE) is same
    assert bool(found.strangers) is not same


def test_machines_that_share_an_id_are_not_told_apart_by_it() -> None:
    cloned = {name: HostIdentity(machine="m3") for name in INVENTORY}
    assert pair_nodes(INVENTORY, [ELSEWHERE], cloned).strangers == (ELSEWHERE,)
    twin = Node("ip-10-0-0-34.internal", ("10.0.0.34",), machine="m3")
    assert pair_nodes(INVENTORY, [ELSEWHERE, twin], {"node3": HostIdentity(machine="m3")}).nodes == {}


def test_what_the_inventory_says_comes_before_an_address() -> None:
    nodes = [Node("a", ("192.168.1.3",)), Node("b", ("10.0.0.9",))]
    found = pair_nodes(INVENTORY, nodes, {"node3": HostIdentity(node="b")})
    assert {name: node.name for name, node in found.nodes.items()} == {"node3": "b"}
    assert [node.name for node in found.strangers] == ["a"]


def test_a_node_that_is_a_host_of_another_name_is_not_taken_in_twice() -> None:
    pairs = pair_nodes(INVENTORY, [ELSEWHERE], {"node3": HostIdentity(machine="m3")})
    with pytest.raises(InputError, match="it is in the inventory already, as node3"):
        adoptable_nodes([ELSEWHERE.name], INVENTORY, [ELSEWHERE], pairs)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_host_says_who_it_is_in_every_shell(shell: str) -> None:
    done = sh(shell, FRAGMENT)
    assert (done.returncode, done.stderr) == (0, b"")
    found = identity_of(text(done.stdout))
    assert os.uname().nodename.lower() in found.names
    machine = Path("/etc/machine-id")
    assert found.machine == (machine.read_text().strip() if machine.exists() else "")


def test_the_name_that_a_kubelet_was_given_comes_first() -> None:
    assert identity_of("machine=m\nname=Host1\nname=ip-10-0-0-33.internal\n") == HostIdentity(
        "", "m", ("ip-10-0-0-33.internal", "host1")
    )
