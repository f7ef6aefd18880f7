"""The flows about which two filters disagree, computed without trying any packet."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from moor.path.rules import Filter
from moor.path.space import NOTHING, Box, Range, contains, fused, with_range

Verdict = bool | None  # None where another rule's turn counts the packet
Entry = tuple[Box, Verdict]


@dataclass(frozen=True)
class Difference:
    """What one of two filters lets pass and the other does not.

    Attributes:
        opened: flows that only the second filter lets pass
        shut: flows that only the first filter lets pass
    """

    opened: tuple[Box, ...] = ()
    shut: tuple[Box, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.opened or self.shut)


def compare(before: Filter, after: Filter) -> Difference:
    """Return the flows that the second filter treats otherwise than the first one.

    A packet can be treated otherwise only if a rule decides about it that is not in both filters, in the same order:
    if both deciding rules were in both, each would stand before the other. So only packets of such rules are looked
    at. A rule that moor cannot judge counts as matching nothing if it is in both filters, otherwise all of its packets.
    """
    if before.entries == after.entries:
        return Difference()
    old, new = _same_in_both(before, after)
    opened, shut = list[Box](), list[Box]()
    they: list[Entry] = [(box, permits) for box, permits, _ in old]
    earlier: list[Entry] = [(box, None) for box, _, _ in new]
    for at, (box, permits, kept) in enumerate(new):
        if not kept:
            ours = [*earlier[:at], (box, permits)]
            (opened if permits else shut).extend(disagreements(box, they, ours))
    # The packets about which a new rule decides are in the lists already.
    they = [(box, permits if kept else None) for box, permits, kept in new]
    earlier = [(box, None) for box, _, _ in old]
    for at, (box, permits, kept) in enumerate(old):
        if not kept:
            ours = [*earlier[:at], (box, permits)]
            (shut if permits else opened).extend(disagreements(box, ours, they))
    return Difference(tuple(fused(opened)), tuple(fused(shut)))


Marked = tuple[Box, bool, bool]  # the packets, whether they pass, whether the other filter has the same entry


def _same_in_both(before: Filter, after: Filter) -> tuple[list[Marked], list[Marked]]:
    """Return the entries of both filters, each with whether the other filter has it too, in the same order."""
    one = [(box, rule.permits, rule.unsure and rule.text) for box, rule in before.entries]
    other = [(box, rule.permits, rule.unsure and rule.text) for box, rule in after.entries]
    in_old, in_new = set[int](), set[int]()
    for start, to, size in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks():
        in_old.update(range(start, start + size))
        in_new.update(range(to, to + size))
    return list(_marked(before, in_old)), list(_marked(after, in_new))


def _marked(found: Filter, kept: Container[int]) -> Iterator[Marked]:
    for at, (box, rule) in enumerate(found.entries):
        yield (NOTHING if rule.unsure and at in kept else box), rule.permits, at in kept


def disagreements(region: Box, one: Sequence[Entry], other: Sequence[Entry]) -> Iterator[Box]:
    """Yield the packets of a region about which the first matching entries of two lists disagree; each packet once.

    The last entry of each list has to match the whole region.
    """
    one, other = _near(one, region), _near(other, region)
    if not any(a is not b and a is not None and b is not None for _, a in one for _, b in other):
        return
    if len(one) == len(other) == 1:
        yield region
        return
    property_ = next(
        n
        for n in range(len(region))
        for box, _ in (*one, *other)
        if box[n][0] > region[n][0] or box[n][1] < region[n][1]
    )
    for ends, some, others in _slices(region[property_], property_, one, other):
        yield from disagreements(with_range(region, property_, ends), some, others)


def _near(entries: Sequence[Entry], region: Box) -> list[Entry]:
    """Return the entries that match packets of a region, up to the first that matches all of them."""
    (a, b), (c, d), (e, f), (g, h), (i, j), (k, z) = region
    found: list[Entry] = []
    for entry in entries:
        state, protocol, port, destination, source_port, source = entry[0]
        if (
            source[0] <= z and k <= source[1]
            and destination[0] <= h and g <= destination[1]
            and port[0] <= f and e <= port[1]
            and protocol[0] <= d and c <= protocol[1]
            and state[0] <= b and a <= state[1]
            and source_port[0] <= j and i <= source_port[1]
        ):  # fmt: skip
            found.append(entry)
            if contains(entry[0], region):
                break
    return found


def _slices(
    whole: Range, property_: int, one: Sequence[Entry], other: Sequence[Entry]
) -> Iterator[tuple[Range, list[Entry], list[Entry]]]:
    """Split the range of a property where an entry begins or ends; yield each part with its entries in their order."""
    both = [*one, *other]
    begins, ends = dict[int, list[int]](), dict[int, list[int]]()
    for number, (box, _) in enumerate(both):
        low, high = box[property_]
        begins.setdefault(max(low, whole[0]), []).append(number)
        ends.setdefault(min(high, whole[1]) + 1, []).append(number)
    places = sorted({*begins, *ends})
    inside = set[int]()
    for at, then in pairwise(places):
        inside.difference_update(ends.get(at, ()))
        inside.update(begins.get(at, ()))
        here = sorted(inside)
        yield (
            (at, then - 1),
            [both[number] for number in here if number < len(one)],
            [both[number] for number in here if number >= len(one)],
        )
