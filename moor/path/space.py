"""Flows as boxes: one range of numbers for each property of a packet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Range = tuple[int, int]  # both ends included
Ranges = tuple[Range, ...]

TCP, UDP = 6, 17
ICMP = {4: 1, 6: 58}
BEGINS, GOES_ON = 0, 1  # the packet that opens a connection, and every other one
LARGEST = {4: 2**32 - 1, 6: 2**128 - 1}
PORTS: Range = (0, 65535)
EVERY_PORT: Ranges = (PORTS,)
EVERY_PROTOCOL: Ranges = ((0, 255),)
EVERY_STATE: Ranges = ((BEGINS, GOES_ON),)

# The positions of the properties in a box. A difference is split in this order, so that sources, of which lists have
# most, come last.
STATE, PROTOCOL, PORT, DESTINATION, SOURCE_PORT, SOURCE = range(6)
Box = tuple[Range, ...]  # six of them


NOTHING: Box = ((-1, -1),) * 6  # overlaps no box of packets


def everything(version: int) -> Box:
    """Return the box of all packets of one address family."""
    addresses = (0, LARGEST[version])
    return (*EVERY_STATE, *EVERY_PROTOCOL, PORTS, addresses, PORTS, addresses)


def with_range(box: Box, property_: int, ends: Range) -> Box:
    """Return the box with another range of one property."""
    return (*box[:property_], ends, *box[property_ + 1 :])


def contains(outer: Box, inner: Box) -> bool:
    """Return whether all packets of ``inner`` are in ``outer``."""
    for (low, high), (first, last) in zip(outer, inner, strict=True):  # noqa: SIM110 (all() takes several times as long)
        if first < low or last > high:
            return False
    return True


def intersection(one: Box, other: Box) -> Box | None:
    """Return the packets that are in both boxes; None if there are none."""
    both = tuple((max(a[0], b[0]), min(a[1], b[1])) for a, b in zip(one, other, strict=True))
    return None if any(low > high for low, high in both) else both


def subtracted(boxes: Iterable[Box], others: Iterable[Box]) -> list[Box]:
    """Return boxes with the packets of ``boxes`` that are in none of the others."""
    left = list(boxes)
    for other in others:
        left = [piece for box in left for piece in _pieces(box, other)]
    return left


def _pieces(box: Box, other: Box) -> Iterator[Box]:
    """Yield what is left of a box: beside the other in the first property, then inside there and beside in the next."""
    both = intersection(box, other)
    if both is None:
        yield box
        return
    for property_, (low, high) in enumerate(both):
        first, last = box[property_]
        if first < low:
            yield with_range(box, property_, (first, low - 1))
        if high < last:
            yield with_range(box, property_, (high + 1, last))
        box = with_range(box, property_, (low, high))


def range_of(network: Network) -> Range:
    """Return the addresses of a network as numbers."""
    return int(network.network_address), int(network.broadcast_address)


@dataclass(frozen=True)
class Flow:
    """One packet from a source to a destination, and whether it opens a connection or belongs to one."""

    source: Address
    destination: Address
    port: int = 443
    source_port: int = 49152  # the first of those that are free for clients (RFC 6335)
    protocol: int = TCP
    state: int = BEGINS

    @property
    def version(self) -> int:
        return self.destination.version

    @property
    def answer(self) -> Flow:
        """Return the packet that comes back."""
        return Flow(self.destination, self.source, self.source_port, self.port, self.protocol, GOES_ON)

    @property
    def box(self) -> Box:
        source, destination = int(self.source), int(self.destination)
        return tuple((n, n) for n in (self.state, self.protocol, self.port, destination, self.source_port, source))


def fused(boxes: list[Box]) -> list[Box]:
    """Return fewer boxes with the same packets; the boxes must not overlap."""
    for property_ in (SOURCE, SOURCE_PORT, DESTINATION, PORT, PROTOCOL, STATE):
        alike: dict[tuple[Range, ...], list[Range]] = {}
        for box in boxes:
            alike.setdefault((*box[:property_], *box[property_ + 1 :]), []).append(box[property_])
        boxes = [
            (*rest[:property_], ends, *rest[property_:]) for rest, ranges in alike.items() for ends in joined(ranges)
        ]
    return boxes


def joined(ranges: list[Range]) -> Iterator[Range]:
    """Yield the numbers of some ranges as few, sorted ranges."""
    first, last = None, -1
    for low, high in sorted(ranges):
        if first is None:
            first, last = low, high
        elif low <= last + 1:
            last = max(last, high)
        else:
            yield first, last
            first, last = low, high
    if first is not None:
        yield first, last


def without(every: Range, ranges: list[Range]) -> Iterator[Range]:
    """Yield the numbers of ``every`` that are in none of some ranges, which are sorted and apart."""
    at = every[0]
    for low, high in ranges:
        if at < low:
            yield at, low - 1
        at = high + 1
    if at <= every[1]:
        yield at, every[1]
