"""Real packets of both families through a Linux router that carries out a simulated device's access lists.

The device is simulated; what its access lists say is what the router's kernel does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

import pytest

from moor_lab.fleet import Host
from moor_lab.lab import Lab
from moor_lab.network import address6, has_ipv6
from tests.harness.commands import moor_here
from tests.harness.labs import fleet_of_lab
from tests.tasks.devices.boxes import Box, Sections
from tests.tasks.devices.conftest import Edge

pytestmark = pytest.mark.lab

INTERFACE = "interface Ethernet1"
FLUSH = "add table inet edge\ndelete table inet edge\n"


@dataclass
class RouterBox(Box):
    """A simulated EOS device whose access list a Linux router enforces."""

    router: Callable[[str], object] = print

    def change(self, new: Sections) -> None:
        super().change(new)
        self.router(ruleset(self.running))


def ruleset(sections: Sections) -> str:
    """Return the applied access lists as rules of nftables."""
    applied = [line.split()[::2] for line in sections[INTERFACE] if " access-group " in line]
    rules = "\n".join(
        rule(ip, entry.split()[1:]) for ip, name in applied for entry in sections[f"{ip} access-list {name}"]
    )
    return f"{FLUSH}table inet edge {{ chain forward {{ type filter hook forward priority 0;\n{rules}\n}}\n}}\n"


def rule(ip: str, words: list[str]) -> str:
    """Return the nftables rule of an entry such as permit tcp 10.1.0.0/16 host 10.2.0.1 eq 443, of ip or ipv6."""
    action, protocol, *rest = words
    rest = [word for word in rest if word != "host"]
    source, target, port = rest[0], rest[1], rest[3] if len(rest) > 2 else ""
    known, family = ("ip", "ipv4") if ip == "ip" else ("ip6", "ipv6")
    parts = [
        f"meta nfproto {family}",
        "" if source == "any" else f"{known} saddr {source}",
        "" if target == "any" else f"{known} daddr {target}",
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


def addresses(lab: Lab, name: str) -> list[str]:
    """Return the IPv4 address of a host, and its IPv6 one if this machine has IPv6."""
    four = lab.fleet.hosts[name].address
    return [str(four), *([str(address6(four))] if has_ipv6() else [])]


def route(lab: Lab) -> None:
    """Route the traffic between the registry and the others through the router."""
    settings = "echo 1 > ip_forward; for file in conf/*/send_redirects; do echo 0 > $file; done"
    lab.exec("router", ["sh", "-c", f"cd /proc/sys/net/ipv4; {settings}"])
    lab.exec("router", ["sh", "-c", "f=/proc/sys/net/ipv6/conf/all/forwarding; [ ! -e $f ] || echo 1 > $f"])
    unheard = "for f in /proc/sys/net/ipv6/conf/*/accept_redirects; do [ ! -e $f ] || echo 0 > $f; done"
    for name in ("node1", "stranger", "registry"):
        lab.exec(name, ["sh", "-c", unheard])
    for name in ("node1", "stranger"):
        for here, there in ((name, "registry"), ("registry", name)):
            for target, router in zip(addresses(lab, there), addresses(lab, "router"), strict=True):
                lab.exec(here, ["ip", "route", "add", target, "via", router])
    lab.exec("registry", ["/usr/sbin/sshd", "-p", "443"])  # something that listens


def reaches(lab: Lab, name: str, targets: Sequence[str] = ()) -> bool:
    """Return whether a host reaches the registry's port at its addresses, by default that of IPv4, which are alike."""
    asked = targets or [address(lab, "registry")]
    one = "timeout 2 bash -c 'exec 3<>/dev/tcp/{}/443' 2>/dev/null && echo yes &"
    heard = lab.exec(name, ["bash", "-c", "\n".join([*map(one.format, asked), "wait"])]).split()
    assert len(heard) in (0, len(asked)), heard
    return bool(heard)


def obeyed(network: Lab) -> Callable[[str], object]:
    """Return what has the router carry out rules of nftables."""
    return lambda rules: network.exec("router", ["nft", "-f", "-"], stdin=rules)


def test_the_path_opens_for_a_member_and_closes_when_it_is_none(network: Lab, edge: Callable[..., Edge]) -> None:
    box = RouterBox("arista_eos", {INTERFACE: ["no switchport"], "interface Ethernet2": []}, router=obeyed(network))
    one = edge("arista_eos", box)
    one.address, *second = addresses(network, "registry")
    one.address6 = "".join(second)
    others = one.members = ("192.0.2.0/24", "2001:db8::/64")
    everybody, nobody = {"node1": True, "stranger": True}, {"node1": False, "stranger": False}

    def way() -> dict[str, bool]:
        """Return who reaches the registry, in both families."""
        return {name: reaches(network, name, addresses(network, "registry")) for name in everybody}

    assert way() == everybody
    assert one.run("plan")[0] == 2
    assert way() == everybody  # a plan changes nothing
    assert one.run("apply")[0] == 0
    assert way() == nobody
    one.members = (*others, *addresses(network, "node1"))
    assert one.run("apply")[0] == 0
    assert way() == {"node1": True, "stranger": False}
    one.members = others
    assert one.run("apply")[0] == 0
    assert way() == nobody


def test_what_moor_says_of_a_change_is_what_the_router_then_does(network: Lab, edge: Callable[..., Edge]) -> None:
    router, registry = address(network, "router"), address(network, "registry")
    box = RouterBox(
        "arista_eos",
        {
            INTERFACE: [f"ip address {router}/16"],
            "interface Ethernet2": [],
            f"ip route {registry}/32 Ethernet2": [],
        },
        router=obeyed(network),
    )
    one = edge("arista_eos", box)
    one.address, one.shell = registry, {"key_file": str(network.key), "known_hosts": str(network.known_hosts)}
    one.nodes = {name: address(network, name) for name in ("node1", "stranger")}
    one.harbor = {"registry": registry}

    def ways() -> dict[str, bool]:
        return {name: reaches(network, name) for name in one.nodes}

    def said() -> dict[str, tuple[str, str]]:
        """Return what moor path says of each node: now, and after the plan."""
        one.write()
        report = moor_here(one.site, "path", *one.nodes, "--output", "json").report
        return {way["host"]: (way["now"]["verdict"], way["planned"]["verdict"]) for way in report["ways"]}

    box.change({**box.running})
    one.members = (f"{one.nodes['node1']}/32",)
    assert said() == {"node1": ("open", "open"), "stranger": ("open", "shut")}
    code, told = one.run("apply")
    assert (code, f"would cut stranger ({one.nodes['stranger']}) to {registry} port 443" in told) == (1, True), told
    assert ways() == {"node1": True, "stranger": True}

    stranger = one.nodes.pop("stranger")
    assert one.run("apply")[0] == 0
    one.nodes["stranger"] = stranger
    assert said() == {"node1": ("open", "open"), "stranger": ("shut", "shut")}
    assert ways() == {"node1": True, "stranger": False}

    one.members = tuple(one.nodes.values())
    assert said() == {"node1": ("open", "open"), "stranger": ("shut", "open")}
    network.exec("registry", ["nft", "-f", "-"], stdin=f"""table inet guard {{ chain input {{
        type filter hook input priority 0; policy accept;
        ct state established accept
        ip saddr {{ {one.nodes["node1"]}, 192.0.2.0/24 }} tcp dport {{ 80, 443 }} drop
    }}
    }}""")  # fmt: skip
    assert one.run("apply")[0] == 0
    text = moor_here(one.site, "path", "nodes")
    assert text.returncode == 2, text.said
    assert f"    edge1: Ethernet1 in: passes, by MOOR-REGISTRY: 10 permit tcp host {one.nodes['node1']}" in text.stdout
    assert "    registry: in eth0, input: SHUT, by inet guard input: ip saddr" in text.stdout
    assert "stranger to" in text.stdout
    assert ways() == {"node1": False, "stranger": True}
    network.exec("registry", ["nft", "delete", "table", "inet", "guard"])
