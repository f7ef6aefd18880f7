"""Which flows a change of a filter opens and shuts is computed, and each packet is tried to compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from moor.path.difference import compare
from moor.path.rules import Filter, Rule
from moor.path.space import Box, Range, contains, everything

EDGES = ((0, 1), (6, 17), (80, 443), (1, 2**31), (1024, 49152), (5, 2**31, 2**32 - 2))  # a few places on each axis


TRIED = 500  # packets of a pair of filters


def ranges(whole: Range, edges: tuple[int, ...]) -> list[Range]:
    return [ends for ends in product((whole[0], *edges), (*edges, whole[1])) if ends[0] <= ends[1]]


# Ends are few numbers, so that boxes touch, hold and cut each other.
boxes = st.tuples(*(st.sampled_from(ranges(*each)) for each in zip(everything(4), EDGES, strict=True)))
rules = st.builds(Rule, st.booleans(), st.sampled_from("abc"), st.lists(boxes, min_size=1, max_size=2).map(tuple))
filters = st.builds(Filter, st.just(4), st.just("L"), st.lists(rules, max_size=5).map(tuple), st.booleans())


def passes(one: Filter, packet: Box) -> bool:
    return next(rule.permits for box, rule in one.entries if contains(box, packet))


def packets(several: Sequence[Filter]) -> Iterator[Box]:
    """Yield a packet of every part into which the rules of some filters cut the space."""
    axes = []
    for number in range(len(everything(4))):
        ends = [box[number] for one in several for box, _ in one.entries]
        axes.append(
            sorted({low for low, _ in ends} | {high + 1 for _, high in ends if high < everything(4)[number][1]})
        )
    return (tuple((at, at) for at in ats) for ats in product(*axes))


@settings(max_examples=60, deadline=None)
@given(filters, filters, st.data())
def test_the_computed_difference_has_just_the_packets_that_one_filter_passes(
    before: Filter, after: Filter, data: st.DataObject
) -> None:
    if data.draw(st.booleans()):  # as most changes are: a rule more, or one in another place
        at = data.draw(st.integers(0, len(before.rules)))
        after = replace(before, rules=(*before.rules[:at], *after.rules[:1], *before.rules[at:]))
    found = compare(before, after)
    every = list(packets([before, after]))
    for packet in every[:: len(every) // TRIED + 1]:
        old, new = passes(before, packet), passes(after, packet)
        inside = tuple(sum(contains(box, packet) for box in some) for some in (found.opened, found.shut))
        assert inside == (new > old, old > new)


@settings(max_examples=60, deadline=None)
@given(filters)
def test_a_filter_does_not_differ_from_itself_nor_from_one_with_more_rules_behind_its_last(one: Filter) -> None:
    assert not compare(one, one)
    last = Rule(one.otherwise, "all", (everything(4),))
    assert not compare(one, replace(one, rules=(*one.rules, last, Rule(not one.otherwise, "more", last.boxes))))
