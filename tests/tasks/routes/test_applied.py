"""Routes planned, applied, drifted, removed, and undone where they cut moor off, on a host that is a namespace."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from moor_lab.network import has_ipv6
from tests.harness.commands import Done, moor_here
from tests.harness.hosts import replaced_plugin
from tests.harness.sites import Content, write_site
from tests.harness.waiting import until
from tests.tasks.routes.namespace import Namespace, namespace

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare"))) or not has_ipv6(), reason="needs root, ip, IPv6"
)
FILE = "/etc/network/if-up.d/moor-routes"
IFUPDOWN = """\
mkdir -p /etc/network/if-up.d
printf 'auto eth0\\niface eth0 inet manual\\niface eth1 inet manual\\n' > /etc/network/interfaces
printf '#!/bin/sh\\n' > /usr/local/sbin/ifup; chmod 755 /usr/local/sbin/ifup
"""
BOOT = f"ip route del 10.9.0.1; ip -6 route del fd09::1; for i in lo eth0 eth1; do IFACE=$i {FILE}; done"


@dataclass(frozen=True)
class Node:
    """A host with ifupdown, and its site."""

    kernel: Namespace
    site: Path

    def write(self, routes: dict[str, Any] | None) -> Node:
        known = {"registry": {"name": "registry.moor.test", "address": "10.9.0.1", "address6": "fd09::1"}}
        data = known if routes is None else {**known, "routes": routes}
        files: dict[str, Content] = {
            "inventory/hosts.yaml": {"node1": {"hostname": "10.1.0.2", "groups": ["nodes"]}},
            "inventory/groups.yaml": {"nodes": {}},
            "inventory/defaults.yaml": {"data": data},
        }
        write_site(self.site, files)
        return self

    def moor(self, *words: str) -> Done:
        with replaced_plugin("shell", self.kernel.plugin):
            return moor_here(self.site, *words)

    def file(self) -> str:
        return self.kernel.right(f"[ ! -e {FILE} ] || cat {FILE}")


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with namespace("dash", tmp_path) as kernel:
        kernel.right(IFUPDOWN)
        yield Node(kernel, tmp_path / "site")


VIA = {"via": ["10.1.0.9", "fd01::9"]}


def test_a_lost_route_is_planned_set_found_again_and_removed(node: Node) -> None:
    node.write(VIA)
    planned = node.moor("plan", "routes")
    assert planned.returncode == 2, planned.said
    for words in ("~ routes:static  [node1]", "to 10.9.0.1/32: no route -> via 10.1.0.9 dev eth0", f"{FILE}:", "0755"):
        assert words in planned.stdout
    assert node.file() == ""

    assert node.moor("apply", "routes", "--yes").returncode == 0
    assert node.moor("plan", "routes").returncode == 0
    node.kernel.right(BOOT)  # its file alone brings both back
    assert node.moor("drift", "--runbook", "routes").returncode == 0

    # somebody loses one, and leads the other astray
    node.kernel.right("ip route del 10.9.0.1; ip -6 route replace fd09::1 via fd01::7 dev eth0 metric 1")
    drift = node.moor("drift", "--runbook", "routes")
    assert drift.returncode == 2
    assert "to fd09::1/128: via fd01::7 dev eth0 -> via fd01::9 dev eth0" in drift.stdout
    assert node.moor("apply", "routes", "--yes").returncode == 0
    node.kernel.right(f"chmod 644 {FILE}")  # which nobody would run
    assert f"{FILE} mode: 0644 -> 0755" in node.moor("plan", "routes").stdout

    node.write({"via": ["10.1.1.9"]})
    moved = node.moor("apply", "routes", "--yes")
    assert moved.returncode == 0, moved.said
    routes = node.kernel.right("ip route; ip -6 route")
    assert "10.9.0.1 via 10.1.1.9 dev eth1" in routes
    assert "fd09::1" not in routes

    node.write(None)
    assert node.moor("plan", "routes").returncode == 0  # left alone, until somebody says so
    assert node.moor("remove", "routes", "--yes").returncode == 0
    assert (node.file(), "10.9.0.1" in node.kernel.right("ip route")) == ("", False)


def test_a_change_that_cuts_moor_off_is_undone_by_the_host(node: Node) -> None:
    node.write({"to": {"192.0.2.77": "10.1.0.9"}})
    assert node.moor("apply", "routes", "--yes").returncode == 0
    before, file = node.kernel.right("ip route"), node.file()
    (node.kernel.folder / "far").touch()
    node.write({"to": {"192.0.2.77": "10.1.1.66", "10.9.0.0/16": "10.1.1.9"}, "undo_s": 5})
    done = node.moor("apply", "routes", "--yes")
    assert done.returncode == 1
    assert "was not confirmed over a new connection (10.1.0.2:22: no answer within 5 s)" in done.said
    assert "puts its former routes back by itself within 5 s" in done.said
    assert "10.1.1.66" in node.kernel.right("ip route")
    until(lambda: node.kernel.right("ip route") == before, "the host has put its routes back", 30)
    assert node.file() == file  # no reboot in between would have found the new ones


def test_a_file_that_cannot_be_written_takes_the_routes_back_at_once(node: Node) -> None:
    node.kernel.right("rm -r /etc/network/if-up.d; : > /etc/network/if-up.d")
    before = node.kernel.right("ip route")
    done = node.write(VIA).moor("apply", "routes", "--yes")
    assert done.returncode == 1
    assert "the routes could not be set; the former ones are back" in done.said
    assert "elsewhere" not in done.said  # nothing is wrong with the way
    assert node.kernel.right("ip route") == before


def test_what_no_route_can_be_made_of_is_refused_before_anything_changes(node: Node) -> None:
    node.write({"via": ["10.1.0.9", "10.1.0.8"], "to": {"0.0.0.0/0": "10.1.0.9", "10.8.0.0/16": "fd01::9"}})
    refused = node.moor("plan", "routes")
    assert refused.returncode == 1
    for words in ("two next hops of one address family", "moor sets no default route", "of the other address family"):
        assert words in refused.stderr
    node.write({"to": {"10.8.0.0/16": "10.200.0.1"}})
    assert "no interface is on a network of the next hop 10.200.0.1" in node.moor("plan", "routes").said
    node.kernel.right("mkdir -p /etc/network/interfaces.d; echo ' up ip route add 10.9.0.1 via 10.1.1.1' >"
                      " /etc/network/interfaces.d/site")  # fmt: skip
    node.write(VIA)
    for command in ("plan", "apply"):
        said = node.moor(command, "routes", *(["--yes"] if command == "apply" else [])).said
        assert "/etc/network/interfaces.d/site, line 1, sets the route too: up ip route add 10.9.0.1 via" in said
    assert node.file() == ""
