"""The plan of an access list says what becomes of packets, and is refused if it would cut the fleet."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

import pytest

from moor.sites.site import open_site
from moor.tasks.devices.effects import PARSERS
from moor.tasks.path.read import with_planned_routes
from tests.harness.commands import moor_here
from tests.tasks.devices.conftest import PLATFORMS, Edge

Make = Callable[[str], Edge]


def test_a_plan_that_cuts_a_node_is_refused_and_one_that_keeps_all_says_what_it_shuts(edge: Make) -> None:
    one = edge("arista_eos")
    one.nodes = {"node1": "10.66.1.5", "node2": "10.77.3.8", "node3": "10.77.3.9"}
    place = "Ethernet1 in"
    for command, worst in (("plan", 1), ("apply", 1), ("drift", 2)):
        code, said = one.run(command)
        assert code == worst, said
        assert "the change would cut node2 node3 (10.77.3.8, 10.77.3.9) to 10.88.0.11 port 443: shut by 30 deny" in said
        assert "write the host's network into data.access" in said
        assert one.sent == []
    one.members = ("10.66.0.0/16", "10.77.3.0/24")
    code, said = one.run("plan")
    assert code == 2, said
    assert f"-open: node1 node2 node3 to 10.88.0.11 port 443, by no list at {place}" in said
    assert "+open: node1 to 10.88.0.11 port 443, by 10 permit tcp 10.66.0.0" in said
    assert "+open: node2 node3 to 10.88.0.11 port 443, by 20 permit tcp 10.77.3.0" in said
    assert f"+shuts at {place}: tcp from any but 10.66.0.0/16, 10.77.3.0/24 to 10.88.0.11 port 443" in said
    assert one.run("apply")[0] == 0
    assert one.run("plan")[0] == 0


def test_moor_path_refuses_what_it_cannot_follow_and_names_what_it_could_not_read(edge: Make) -> None:
    one = edge("arista_eos")
    one.nodes = {"node1": "127.0.0.1"}
    one.write()
    for words, told in (
        (["edge1"], "path: edge1 has no shell; name a host that pulls, such as a node"),
        (["node"], "path: no host or group is called node; did you mean nodes?"),
        (["node1", "--output", "junit"], "path: it prints text or json, not junit; leave --output out"),
        ([], "Missing argument 'HOST'."),
    ):
        done = moor_here(one.site, "path", *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert told in " ".join(done.stderr.split())
    done = moor_here(one.site, "path", "nodes")
    assert (done.returncode, "node1 was not read:" in done.stdout) == (1, True), done.said


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_static_routes_that_a_plan_adds_are_routes_of_the_planned_device(platform: str, edge: Make) -> None:
    one = edge(platform)
    one.routes = {"via": ["192.0.2.7"]}
    one.write()
    host = open_site(one.site).inventory.hosts["edge1"]
    planned = with_planned_routes(host, PARSERS[platform](one.box.printed()))
    hop = planned.next_hop(ip_address(one.address))
    assert hop
    assert (str(hop.via), hop.interface != "") == ("192.0.2.7", True)
