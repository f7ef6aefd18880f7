"""Generated lists in the syntax of every platform pass the packets that nftables passes by the same rules."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moor.path.kernel.packet import Packet, Ruleset
from moor.path.kernel.walk import leaving
from moor.path.rules import Filter
from moor.path.space import BEGINS, GOES_ON, Flow
from moor.tasks.devices.effects import PARSERS
from moor.tasks.path.host_facts import parse
from tests.tasks.devices.kernel import Kernel, running_kernel

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nft", "iptables-restore", "unshare"))),
    reason="needs root, ip, nft, iptables",
)
EXAMPLES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
NETWORKS = {
    4: ("10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "10.2.0.0/15", "0.0.0.0/0"),
    6: ("2001:db8:1::/48", "2001:db8:1:2::/64", "2001:db8:1:2::3/128", "2001:db8:2::/47", "::/0"),
}
ADDRESSES = {
    4: ("10.1.2.3", "10.1.2.4", "10.1.3.1", "10.2.0.0", "10.3.255.255", "192.0.2.1"),
    6: ("2001:db8:1:2::3", "2001:db8:1:2::4", "2001:db8:1:3::", "2001:db8:2::", "2001:db8:3:ffff::", "2001:db8:9::1"),
}
PORTS = ("", "443", "80-443", "0-1023", "1024-65535", "444")
PROTOCOLS = {"ip": None, "tcp": 6, "udp": 17}
OUR_INTERFACE = "eth1"


@dataclass(frozen=True)
class Line:
    """One rule; ``established`` is for tcp alone, and ports are for tcp and udp."""

    permits: bool
    protocol: str
    source: str
    target: str
    source_port: str
    port: str
    established: bool


@st.composite
def lines(draw: st.DrawFn, version: int) -> Line:
    protocol = draw(st.sampled_from(("ip", "tcp", "tcp", "udp")))
    ports = st.just("") if protocol == "ip" else st.sampled_from(PORTS)
    networks = st.sampled_from(NETWORKS[version])
    established = draw(st.booleans()) if protocol == "tcp" else False
    return Line(draw(st.booleans()), protocol, draw(networks), draw(networks), draw(ports), draw(ports), established)


Sent = tuple[str, str, int, int, int, bool]  # as Kernel.judge takes it


def near(line: Line, version: int) -> st.SearchStrategy[Sent]:
    """Return packets at the edges of a rule, most of which it matches."""
    ends = [[int(end) for end in ports.split("-")] if ports else [443] for ports in (line.source_port, line.port)]
    ports = [[one for end in some for one in (end - 1, end, end + 1) if 0 <= one <= 65535] for some in ends]
    protocol = PROTOCOLS[line.protocol] or 17
    return st.tuples(
        *(st.sampled_from(_around(network, version)) for network in (line.source, line.target)),
        st.just(protocol),
        *map(st.sampled_from, ports),
        st.booleans() if protocol == 6 else st.just(value=True),
    )


def _around(network: str, version: int) -> list[str]:
    one = ip_network(network)
    first, last = int(one.network_address), int(one.broadcast_address)
    inside = [str(one[0]), str(one[-1])] if one.prefixlen else list(ADDRESSES[version])
    make = type(one.network_address)
    return inside + ([str(make(first - 1)), str(make(last + 1))] if one.prefixlen else [])


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, list[Line], list[Sent]]:
    version = draw(st.sampled_from((4, 6)))
    some = draw(st.lists(lines(version), min_size=1, max_size=6))
    sent = st.one_of(*(near(line, version) for line in some))
    return version, some, draw(st.lists(sent, min_size=20, max_size=20))


def of_nft(line: Line, version: int) -> str:
    family, tcp = ("ip", "ip6")[version == 6], line.protocol
    words = [] if tcp == "ip" else [f"meta l4proto {tcp}"]
    words += [f"{family} saddr {line.source}", f"{family} daddr {line.target}"]
    words += [f"{tcp} sport {line.source_port}"] if line.source_port else []
    words += [f"{tcp} dport {line.port}"] if line.port else []
    words += ["tcp flags & (ack | rst) != 0"] if line.established else []
    return " ".join([*words, "accept" if line.permits else "drop"])


def nft(some: Sequence[str], otherwise: str = "drop") -> str:
    chain = f"chain output {{ type filter hook output priority 0; policy accept;\n{chr(10).join(some)}\n{otherwise}\n}}"
    return f"table inet oracle {{}}\ndelete table inet oracle\ntable inet oracle {{ {chain}\n}}\n"


def place_of_cisco(network: str, style: str) -> str:
    one = ip_network(network)
    if one.prefixlen == 0:
        return "any"
    if one.prefixlen == one.max_prefixlen and style != "nxos":
        return f"host {one.network_address}"
    return one.with_hostmask.replace("/", " ") if style == "wildcard" and one.version == 4 else str(one)


def ports_of_cisco(ports: str) -> str:
    low, _, high = ports.partition("-")
    if not high:
        return f" eq {low}" if low else ""
    return (
        f" lt {int(high) + 1}" if low == "0" else f" gt {int(low) - 1}" if high == "65535" else f" range {low} {high}"
    )


def of_cisco(some: Sequence[Line], version: int, head: str, group: str, style: str) -> str:
    every = {4: "ip", 6: "ipv6"}[version]
    shown = [
        f"  {number} {'permit' if line.permits else 'deny'} {every if line.protocol == 'ip' else line.protocol}"
        f" {place_of_cisco(line.source, style)}{ports_of_cisco(line.source_port)}"
        f" {place_of_cisco(line.target, style)}{ports_of_cisco(line.port)}{' established' * line.established} log"
        for number, line in enumerate(some, 1)
    ]
    return "\n".join([f"{head} L", *shown, f"interface {OUR_INTERFACE}", f"  {group}"])


def of_junos(some: Sequence[Line], version: int) -> str:
    family, protocol = (("inet", "protocol"), ("inet6", "next-header"))[version == 6]
    head, shown = f"set firewall family {family} filter L term", list[str]()
    for number, line in enumerate(some):
        words = [f"from source-address {line.source}", f"from destination-address {line.target}"]
        words += [f"from {protocol} {line.protocol}"] if line.protocol != "ip" else []
        words += [f"from source-port {line.source_port}"] if line.source_port else []
        words += [f"from destination-port {line.port}"] if line.port else []
        words += ["from tcp-established"] if line.established else []
        shown += [f"{head} t{number} {each}" for each in (*words, f"then {'accept' if line.permits else 'discard'}")]
    return "\n".join([*shown, f"set interfaces {OUR_INTERFACE} unit 0 family {family} filter input L"])


def of_vyos(some: Sequence[Line], version: int) -> str:
    family = f"ipv{version}"
    shown = [f"set firewall {family} name L default-action drop"]
    for number, line in enumerate(some, 1):
        words = [f"action {'accept' if line.permits else 'drop'}", f"source address {line.source}"]
        words += [f"destination address {line.target}", f"protocol {line.protocol.replace('ip', 'all')}"]
        words += [f"source port {line.source_port}"] if line.source_port else []
        words += [f"destination port {line.port}"] if line.port else []
        words += ["state established"] if line.established else []
        shown += [f"set firewall {family} name L rule {number} {each}" for each in words]
    jump = f"set firewall {family} forward filter rule 10"
    jumps = [f"{jump} action jump", f"{jump} jump-target L", f"{jump} inbound-interface name {OUR_INTERFACE}"]
    return "\n".join([*shown, *jumps, f"set interfaces ethernet {OUR_INTERFACE} address dhcp"])


def written(some: Sequence[Line], version: int) -> Iterator[tuple[str, str]]:
    """Yield the rules in the syntax of each platform."""
    six = version == 6
    ios = "ipv6 access-list" if six else "ip access-list extended"
    yield (
        "cisco_ios",
        of_cisco(some, version, ios, f"{'ipv6 traffic-filter' if six else 'ip access-group'} L in", "wildcard"),
    )
    xr = "ipv6" if six else "ipv4"
    yield "cisco_xr", of_cisco(some, version, f"{xr} access-list", f"{xr} access-group L ingress", "wildcard")
    family = "ipv6" if six else "ip"
    group = f"{'ipv6 traffic-filter' if six else 'ip access-group'} L in"
    yield "cisco_nxos", of_cisco(some, version, f"{family} access-list", group, "nxos")
    yield "arista_eos", of_cisco(some, version, f"{family} access-list", f"{family} access-group L in", "eos")
    yield "juniper_junos", of_junos(some, version)
    yield "vyos", of_vyos(some, version)


def filter_in(platform: str, text: str, version: int) -> Filter:
    device = PARSERS[platform](text)
    if version in device.chains:
        return device.chains[version].between(OUR_INTERFACE, "eth2", version)
    name = f"{OUR_INTERFACE}.0" if platform == "juniper_junos" else OUR_INTERFACE
    return device.filters[name, "in", version]


def flow(packet: Sent) -> Flow:
    source, target, protocol, source_port, port, begins = packet
    return Flow(ip_address(source), ip_address(target), port, source_port, protocol, BEGINS if begins else GOES_ON)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with running_kernel() as running:
        yield running


@EXAMPLES
@given(case=cases())
def test_a_list_of_each_platform_passes_what_the_kernel_passes(
    kernel: Kernel, case: tuple[int, list[Line], list[Sent]]
) -> None:
    version, some, sent = case
    passes, _ = kernel.judge({"nft": nft([of_nft(line, version) for line in some])}, sent)
    for platform, text in written(some, version):
        found = filter_in(platform, text, version)
        decisions = [found.decide(flow(packet)) for packet in sent]
        assert [decision.permits for decision in decisions] == passes, text
        assert not any(decision.unsure for decision in decisions), text


def of_iptables(line: Line, chain: str) -> str:
    words = [f"-A {chain} -s {line.source} -d {line.target}"]
    words += [f"-p {line.protocol}"] if line.protocol != "ip" else []
    words += [f"--sport {line.source_port.replace('-', ':')}"] if line.source_port else []
    words += [f"-m multiport --dports 7,{line.port.replace('-', ':')}"] if line.port else []
    return " ".join([*words, f"-j {'ACCEPT' if line.permits else 'REJECT'}"])


def verdicts(shown: str, sent: Sequence[Sent]) -> list[bool]:
    host = parse("node1", f'-- addresses\n[{{"ifname": "lo", "addr_info": [{{"local": "127.0.0.1"}}]}}]\n{shown}')
    assert host.rules
    return [judged(host.rules, flow(packet)) for packet in sent]


def judged(rules: Ruleset, one: Flow) -> bool:
    (_, decision), *_ = leaving(rules, Packet(one, outbound="lo"))
    assert not decision.unsure
    return decision.permits


@EXAMPLES
@given(case=cases(), cut=st.integers(0, 6), returns=st.booleans())
def test_the_firewall_of_a_host_is_judged_as_the_kernel_does(
    kernel: Kernel, case: tuple[int, list[Line], list[Sent]], cut: int, returns: bool
) -> None:
    version, some, sent = case
    some = [line for line in some if not line.established]
    family = ("ip", "ip6")[version == 6]
    side = [
        of_nft(line, version).replace("accept", "return") if returns else of_nft(line, version) for line in some[:cut]
    ]
    elements = ", ".join(sorted({line.source for line in some if line.source not in ("::/0", "0.0.0.0/0")}))
    sets = [f"{family} saddr {{ {elements} }} tcp dport {{ 80, 440-450 }} accept"] if elements else []
    maps = ["meta l4proto vmap { icmp : accept, udp : jump side }"]
    text = nft([*maps, *sets, "tcp sport != 444 jump side", *(of_nft(line, version) for line in some[cut:])], "accept")
    chains = f"table inet oracle {{ chain side {{\n{chr(10).join(side)}\n}}\n"
    text = text.replace("table inet oracle { chain output", f"{chains}chain output", 1)
    rules = [of_iptables(line, "SIDE" if number < cut else "OUTPUT") for number, line in enumerate(some)]
    saved = "\n".join(
        [
            "*filter",
            ":OUTPUT ACCEPT [0:0]",
            ":SIDE - [0:0]",
            "-A OUTPUT ! -d 10.1.2.3 -j SIDE" if version == 4 else "-A OUTPUT -j SIDE",
            *rules,
            "COMMIT",
            "",
        ]
    )
    for asked in ({"nft": text}, {"nft": nft([], "accept"), str(version): saved}):
        empty = {"4": "*filter\nCOMMIT\n", "6": "*filter\nCOMMIT\n"}
        passes, shown = kernel.judge({**empty, **asked}, sent, show=True)
        assert verdicts(shown, sent) == passes, asked
