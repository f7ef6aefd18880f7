"""A node that has lost its way to the registry gets it back, whichever program configures its network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from moor.tasks.routes.hosts import set_routes
from moor_lab.lab import Lab
from moor_lab.network import address6, has_ipv6
from tests.harness.sites import Content, write_site
from tests.harness.waiting import eventually
from tests.lab.networked import GREETING, from_host, greet, reboot
from tests.lab.sites import NAME, Site, changed, diffs

pytestmark = [pytest.mark.lab, pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")]

PLACES = ("192.0.2.11", "2001:db8::11")  # of the registry, on no network of the node


@dataclass(frozen=True)
class Program:
    """What makes a program configure the node's interface, by a file of its owner, and do so anew; and moor's file."""

    start: str
    anew: str
    file: str
    stop: str = ""


def programs(four: str, six: str, gateway: str) -> dict[str, Program]:
    ifupdown = (
        f"auto eth0\\niface eth0 inet static\\n address {four}\\n gateway {gateway}\\niface eth0 inet6 static\\n"
        f" address {six}\\n dad-attempts 0\\n"
    )
    profile = (
        f"[connection]\\nid=lan\\ntype=ethernet\\ninterface-name=eth0\\n[ipv4]\\nmethod=manual\\n"
        f"address1={four},{gateway}\\n[ipv6]\\nmethod=manual\\naddress1={six}\\n"
    )
    network = (
        f"[Match]\\nName=eth0\\n[Network]\\nAddress={four}\\nAddress={six}\\nGateway={gateway}\\nIPv6AcceptRA=no\\n"
    )
    plan = (
        f'network: {{version: 2, ethernets: {{lan: {{match: {{name: eth0}}, addresses: [{four}, "{six}"], '
        f"routes: [{{to: default, via: {gateway}}}]}}}}}}\\n"
    )
    profiles = "/etc/NetworkManager/system-connections"
    restart = "systemctl restart systemd-networkd; until networkctl status eth0 | grep -q configured; do :; done"
    return {
        "ifupdown": Program(
            f"printf '{ifupdown}' > /etc/network/interfaces.d/lan; ip addr flush dev eth0; ifup eth0",
            "ifdown eth0 2>/dev/null; ifup eth0",
            "/etc/network/if-up.d/moor-routes",
            "rm /etc/network/interfaces.d/lan",
        ),
        "NetworkManager": Program(
            f"umask 077; printf '{profile}' > {profiles}/lan.nmconnection; systemctl start NetworkManager; "
            "nmcli connection up lan",
            "nmcli connection up lan",
            "/etc/NetworkManager/dispatcher.d/50-moor-routes",
            f"systemctl stop NetworkManager; rm {profiles}/lan.nmconnection",
        ),
        "netplan": Program(
            f"umask 077; printf '{plan}' > /etc/netplan/50-cloud-init.yaml; netplan generate; {restart}",
            f"netplan generate; {restart}",
            "/etc/netplan/90-moor-routes.yaml",
            "rm /etc/netplan/50-cloud-init.yaml; rm -r /run/systemd/network",
        ),
        "networkd": Program(
            f"printf '{network}' > /etc/systemd/network/10-lan.network; systemctl -q enable systemd-networkd; "
            f"{restart}",
            restart,
            "/etc/systemd/network/10-lan.network.d/moor-routes.conf",
        ),
    }


class Node(Site):
    """A site of one node, a host that is on no network of the registry's."""

    def write(self, **routes: Any) -> Node:
        shell = {"key_file": str(self.lab.key), "known_hosts": str(self.lab.known_hosts), "conn_timeout": 5}
        known = {"name": NAME, "address": PLACES[0], "address6": PLACES[1]}
        options = {"username": "ops", "connection_options": {"shell": {"extras": shell}}}
        files: dict[str, Content] = {
            "inventory/hosts.yaml": {"outsider": {"hostname": str(self.address("outsider")), "groups": ["nodes"]}},
            "inventory/groups.yaml": {"nodes": {}},
            "inventory/defaults.yaml": {**options, "data": {"registry": known, "routes": routes}},
        }
        write_site(self.folder, files)
        return self

    def address(self, name: str) -> Any:
        return self.lab.machine(name).host.address

    def planned(self) -> str:
        """Return the difference that a plan shows; empty if there is none."""
        return "\n".join(diffs(self.plan(set_routes, "outsider")["outsider"]))

    def applied(self) -> list[str]:
        return changed(self.apply(set_routes, "outsider")["outsider"])

    def sh(self, command: str) -> str:
        return self.lab.exec("outsider", ["sh", "-ec", f"exec 2>&1; {command}"], timeout_s=120).strip()

    def greeted(self) -> set[bytes]:
        return {from_host(self.lab, "outsider", place) for place in PLACES}  # type: ignore[arg-type]


@pytest.fixture
def node(guarded: Lab, tmp_path: Path) -> Iterator[Node]:
    for name in ("harbor1", "outsider"):
        guarded.reset(name)
    greet(guarded, "harbor1")
    places = "; ".join(f"ip addr add {place} dev lo" for place in PLACES)
    guarded.exec("harbor1", ["sh", "-ec", places])
    yield Node(guarded, tmp_path / "site")
    guarded.reset("outsider")


def test_a_lost_route_is_set_again_and_kept_by_what_configures_the_network(node: Node) -> None:
    lab, machine = node.lab, node.lab.fleet.machine
    router, own = node.address("harbor1"), node.address("outsider")
    via = [str(router), str(address6(router))]
    bits = lab.fleet.network.prefixlen
    assert GREETING not in node.greeted()
    node.write(via=via)
    assert f"to {PLACES[0]}/32: " in node.planned()
    assert node.applied() == ["routes:static"]
    assert (node.planned(), node.greeted()) == ("", {GREETING})

    # Answers to this machine go astray: the host takes that back by itself.
    node.write(via=via, to={str(machine): str(int_after(own))}, undo_s=5)
    error = node.apply(set_routes, "outsider")["outsider"].error
    assert "was not confirmed over a new connection" in error
    assert "puts its former routes back by itself within 5 s" in error
    node.write(via=via)
    assert eventually(lambda: not node.plan(set_routes, "outsider")["outsider"].error and not node.planned(), 60)

    kept = "/etc/systemd/system/moor-routes.service"
    made = programs(f"{own}/{bits}", f"{address6(own)}/{48 + bits}", str(lab.fleet.gateway))
    for name, program in made.items():
        node.sh(program.start)
        theirs = node.sh("cat /etc/netplan/50* /etc/network/interfaces.d/* 2>/dev/null || :")
        shown = node.planned()
        assert f"{program.file}:\n" in shown, name
        assert f"{kept}:\n" in shown, name  # what another program was told is taken back
        assert node.applied() == ["routes:static"], name
        node.sh(f"ip route del {PLACES[0]}; ip -6 route del {PLACES[1]}; {program.anew}")
        assert eventually(lambda: GREETING in node.greeted() and not node.planned(), 30), name
        assert node.greeted() == {GREETING}, name
        assert node.sh("cat /etc/netplan/50* /etc/network/interfaces.d/* 2>/dev/null || :") == theirs
        assert node.sh(f"ls -d {kept} 2>/dev/null || :") == "", name
        node.sh(program.stop or ":")
        kept = program.file

    reboot(lab, "outsider")
    assert eventually(lambda: node.planned() == "", 30)
    assert node.greeted() == {GREETING}

    node.write()
    assert node.applied() == ["routes:static"]
    assert node.planned() == ""
    assert node.sh("find /etc -name '*moor-routes*'; ip route | grep -F 192.0.2.11 || :") == ""
    assert GREETING not in node.greeted()


def int_after(address: Any) -> Any:
    """Return the next address, which nobody has."""
    return address + 1
