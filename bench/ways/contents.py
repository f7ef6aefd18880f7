"""The configurations of two devices with long lists, and what moor's list shall be after the plan.

Every member is a network of its own in the order of no address, so that nothing can be summed up; the lists have both
address families, and the plan changes a hundredth of the lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

NAME = "MOOR-REGISTRY"
REGISTRY = {4: "10.255.0.11", 6: "2001:db8:ffff::11"}
STEP = 787  # prime, so that the members come in no order
SPACE = 16384  # networks among which members are
CHANGED = 100  # one of so many lines


@dataclass(frozen=True)
class Place:
    """A device's files: its running configuration, and moor's list as it shall be."""

    platform: str
    running: str
    wanted: str


def network(number: int, version: int) -> str:
    """Return a member: 10.0.0.0/24 and those that follow, or their like of IPv6."""
    return f"10.{number >> 8}.{number & 255}.0/24" if version == 4 else f"2001:db8:{number:x}::/48"


def members(lines: int, version: int, change: bool = False) -> Iterator[str]:
    """Yield the members of a list; with ``change``, one of a hundred is another."""
    for number in range(lines - 2):
        moved = SPACE + number if change and number % CHANGED == 0 else number * STEP % SPACE
        yield network(moved, version)


def ios(lines: int, change: bool) -> str:
    """Return the lists of an IOS device, and where they filter."""
    text = []
    for version, head, whole in ((4, "ip access-list extended", "ip"), (6, "ipv6 access-list", "ipv6")):
        name = NAME if version == 4 else f"{NAME}-V6"
        text.append(f"{head} {name}")
        for number, member in enumerate(members(lines, version, change), 1):
            source = f"{member.removesuffix('/24')} 0.0.0.255" if version == 4 else member
            text.append(f" {number * 10} permit tcp {source} host {REGISTRY[version]} eq 443")
        text += [
            f" {lines * 10} deny tcp any host {REGISTRY[version]} eq 443",
            f" {lines * 10 + 10} permit {whole} any any",
        ]
    filters = [f" ip access-group {NAME} in", f" ipv6 traffic-filter {NAME}-V6 in"]
    return "\n".join([*text, "interface GigabitEthernet0/1", *filters, ""])


def nxos(lines: int, change: bool) -> str:
    """Return the lists of an NX-OS device, and where they filter."""
    text = []
    for version, head, bits in ((4, "ip", 32), (6, "ipv6", 128)):
        name = NAME if version == 4 else f"{NAME}-V6"
        text.append(f"{head} access-list {name}")
        for number, member in enumerate(members(lines, version, change), 1):
            text.append(f"  {number * 10} permit tcp {member} {REGISTRY[version]}/{bits} eq 443")
        text += [
            f"  {lines * 10} deny tcp any {REGISTRY[version]}/{bits} eq 443",
            f"  {lines * 10 + 10} permit {head} any any",
        ]
    filters = [f"  ip access-group {NAME} in", f"  ipv6 traffic-filter {NAME}-V6 in"]
    return "\n".join([*text, "interface Ethernet1/1", *filters, ""])


EDGE = """\
interface GigabitEthernet0/0
 ip address 10.254.0.1 255.255.255.252
 ipv6 address 2001:db8:fffe::1/64
interface GigabitEthernet0/1
 ip address 10.0.0.1 255.128.0.0
 ipv6 address 2001:db8::1/32
ip route 10.255.0.0 255.255.255.0 10.254.0.2
ipv6 route 2001:db8:ffff::/64 2001:db8:fffe::2
"""
CORE = """\
interface Ethernet1/1
  ip address 10.254.0.2/30
  ipv6 address 2001:db8:fffe::2/64
interface Ethernet1/2
  ip address 10.255.0.1/24
  ipv6 address 2001:db8:ffff::1/64
ip route 10.0.0.0/9 10.254.0.1
ipv6 route 2001:db8::/32 2001:db8:fffe::1
"""


def places(lines: int) -> Mapping[str, Place]:
    """Return the devices with lists of so many lines in each family."""
    return {
        "edge1": Place("cisco_ios", with_filters(EDGE, ios(lines, change=False)), ios(lines, change=True)),
        "core1": Place("cisco_nxos", with_filters(CORE, nxos(lines, change=False)), nxos(lines, change=True)),
    }


def with_filters(interfaces: str, lists: str) -> str:
    """Return a configuration with interfaces and lists; a section that both have is one."""
    head = next(line for line in lists.splitlines() if line.startswith("interface "))
    body, _, filters = lists.partition(f"{head}\n")
    return f"{interfaces.replace(head + chr(10), head + chr(10) + filters)}{body}end\n"


def write(folder: Path, lines: int) -> None:
    """Write the files that the question reads."""
    for name, place in places(lines).items():
        (folder / f"{name}.platform").write_text(place.platform)
        (folder / f"{name}.running").write_text(place.running)
        (folder / f"{name}.wanted").write_text(place.wanted)
