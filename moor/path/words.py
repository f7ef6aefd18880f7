"""Flows in words, as short as they can be said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, summarize_address_range

from moor.path.space import (
    BEGINS,
    DESTINATION,
    EVERY_PROTOCOL,
    ICMP,
    LARGEST,
    PORT,
    PORTS,
    PROTOCOL,
    SOURCE,
    SOURCE_PORT,
    STATE,
    TCP,
    UDP,
    Address,
    Box,
    Flow,
    Range,
    joined,
    without,
)

MOST = 8  # networks of one line
PROTOCOLS = {TCP: "tcp", UDP: "udp", ICMP[4]: "icmp", ICMP[6]: "icmpv6"}


def describe(boxes: Sequence[Box], version: int) -> Iterator[str]:
    """Yield a line for the flows that are alike but for their sources."""
    alike: dict[tuple[Range, ...], list[Range]] = {}
    for box in boxes:
        alike.setdefault(box[:SOURCE], []).append(box[SOURCE])
    for rest, sources in sorted(alike.items()):
        what = _protocol(rest[PROTOCOL], version)
        source_port = "" if rest[SOURCE_PORT] == PORTS else f" port {_numbers(rest[SOURCE_PORT])}"
        port = "" if rest[PORT] == PORTS else f" port {_numbers(rest[PORT])}"
        state = "" if rest[STATE] == (0, 1) else ", new connections" if rest[STATE][0] == BEGINS else ", answers"
        to = _addresses([rest[DESTINATION]], version)
        yield f"{what} from {_addresses(sources, version)}{source_port} to {to}{port}{state}"


def describe_flow(flow: Flow) -> str:
    """Return one flow in words."""
    name = PROTOCOLS.get(flow.protocol, str(flow.protocol))
    if flow.state == BEGINS:
        return f"{name} from {flow.source} to {flow.destination} port {flow.port}"
    return f"{name} answers from {flow.source} port {flow.source_port} to {flow.destination}"


def _protocol(numbers: Range, version: int) -> str:
    if numbers == EVERY_PROTOCOL[0]:
        return "anything" if version == 4 else "anything of IPv6"
    return (
        PROTOCOLS.get(numbers[0], f"protocol {numbers[0]}")
        if numbers[0] == numbers[1]
        else (f"protocols {_numbers(numbers)}")
    )


def _numbers(ends: Range) -> str:
    return str(ends[0]) if ends[0] == ends[1] else f"{ends[0]}-{ends[1]}"


def _addresses(ranges: list[Range], version: int) -> str:
    """Return addresses as networks, or as all but some, whichever is shorter."""
    every = (0, LARGEST[version])
    merged = list(joined(ranges))
    if merged == [every]:
        return "any"
    these, others = _networks(merged, version), _networks(list(without(every, merged)), version)
    if len(others) < len(these):
        return f"any but {_listed(others)}"
    return _listed(these)


def _networks(ranges: list[Range], version: int) -> list[str]:
    found = [
        n for low, high in ranges for n in summarize_address_range(_address(low, version), _address(high, version))
    ]
    return [str(n.network_address if n.prefixlen == n.max_prefixlen else n) for n in found]


def _address(number: int, version: int) -> Address:
    return IPv4Address(number) if version == 4 else IPv6Address(number)


def _listed(networks: list[str]) -> str:
    more = f" and {len(networks) - MOST} more networks" if len(networks) > MOST else ""
    return f"{', '.join(networks[:MOST])}{more}"
