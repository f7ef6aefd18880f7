"""Real packets through a Linux router that carries out a simulated device's access list.

The device is simulated; what its access list says is what the router's kernel does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

import pytest

from moor.errors import MoorError
from moor_lab.fleet import Host
from moor_lab.lab import Lab
from tests.harness.labs import fleet_of_lab
from tests.tasks.devices.boxes import Box, Sections
from tests.tasks.devices.conftest import Edge

pytestmark = pytest.mark.lab

LIST, INTERFACE = "ip access-list MOOR-REGISTRY", "interface Ethernet1"
FLUSH = "add table inet edge\ndelete table inet edge\n"


@dataclass
class RouterBox(Box):
    """A simulated EOS device whose access list a Linux router enforces."""

    router: Callable[[str], object] = print

    def change(self, new: Sections) -> None:
        super().change(new)
        self.router(ruleset(self.running))


def ruleset(sections: Sections) -> str:
    """Return an applied access list as rules of nftables."""
    applied = any("ip access-group MOOR-REGISTRY" in line for line in sections[INTERFACE])
    rules = "\n".join(rule(entry.split()[1:]) for entry in sections[LIST]) if applied else ""
    return f"{FLUSH}table inet edge {{ chain forward {{ type filter hook forward priority 0;\n{rules}\n}}\n}}\n"


def rule(words: list[str]) -> str:
    """Return the nftables rule of an entry such as permit tcp 10.1.0.0/16 host 10.2.0.1 eq 443."""
    action, protocol, *rest = words
    rest = [word for word in rest if word != "host"]
    source, target, port = rest[0], rest[1], rest[3] if len(rest) > 2 else ""
    parts = [
        "" if source == "any" else f"ip saddr {source}",
        "" if target == "any" else f"ip daddr {target}",
        f"{protocol} dport {port}" if port else "",
        "accept" if action == "permit" else "drop",
    ]
    return " ".join(filter(None, parts))


@pytest.fixture(scope="module")
def network() -> Iterator[Lab]:
    """Yield a node, a stranger and a registry that are connected only through a router."""
    fleet = fleet_of_lab("router")
    first = int(fleet.network[0])
    names = {"node1": 31, "stranger": 99, "router": 5, "registry": 11}
    hosts = {n: Host(name=n, address=IPv4Address(first + last), profile="light") for n, last in names.items()}
    lab = Lab(fleet.model_copy(update={"hosts": hosts}))
    lab.down(secrets=True)
    try:
        lab.up()
        route(lab)
        yield lab
    finally:
        lab.down(secrets=True)


def address(lab: Lab, name: str) -> str:
    return str(lab.fleet.hosts[name].address)


def route(lab: Lab) -> None:
    """Route the traffic between the registry and the others through the router."""
    settings = "echo 1 > ip_forward; for file in conf/*/send_redirects; do echo 0 > $file; done"
    lab.exec("router", ["sh", "-c", f"cd /proc/sys/net/ipv4; {settings}"])
    for name in ("node1", "stranger"):
        for here, there in ((name, "registry"), ("registry", name)):
            lab.exec(here, ["ip", "route", "add", address(lab, there), "via", address(lab, "router")])
    lab.exec("registry", ["/usr/sbin/sshd", "-p", "443"])  # something that listens


def reaches(lab: Lab, name: str) -> bool:
    probe = f"exec 3<>/dev/tcp/{address(lab, 'registry')}/443"
    try:
        lab.exec(name, ["timeout", "2", "bash", "-c", probe])
    except MoorError:
        return False
    return True


def test_the_path_opens_for_a_member_and_closes_when_it_is_none(network: Lab, edge: Callable[..., Edge]) -> None:
    def obey(rules: str) -> None:
        network.exec("router", ["nft", "-f", "-"], stdin=rules)

    box = RouterBox("arista_eos", {INTERFACE: ["no switchport"], "interface Ethernet2": []}, router=obey)
    one = edge("arista_eos", box)
    one.address = address(network, "registry")
    everybody, nobody = {"node1": True, "stranger": True}, {"node1": False, "stranger": False}

    def way() -> dict[str, bool]:
        return {name: reaches(network, name) for name in everybody}

    assert way() == everybody
    one.members = ("192.0.2.0/24",)
    assert one.run("plan")[0] == 2
    assert way() == everybody  # a plan changes nothing
    assert one.run("apply")[0] == 0
    assert way() == nobody
    one.members = ("192.0.2.0/24", address(network, "node1"))
    assert one.run("apply")[0] == 0
    assert way() == {"node1": True, "stranger": False}
    one.members = one.members[:1]
    assert one.run("apply")[0] == 0
    assert way() == nobody
