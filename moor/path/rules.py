"""Filters as rules, of which the first that matches a packet decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from moor.path.space import SOURCE, Box, Flow, contains, everything


@dataclass(frozen=True)
class Rule:
    """One line of a filter.

    Attributes:
        permits: what it does to a packet that it matches
        text: the line as the device writes it
        boxes: the packets that it matches
        unsure: it has a condition that moor does not judge, so that it matches only some of these packets, or none
    """

    permits: bool
    text: str
    boxes: tuple[Box, ...]
    unsure: bool = False


@dataclass(frozen=True)
class Decision:
    """What a filter does with a packet.

    Attributes:
        rule: the line that decides
        unsure: earlier lines that may decide otherwise, since moor does not judge all of their conditions
    """

    permits: bool
    rule: str
    unsure: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Return ``open``, ``shut``, or ``unsure``."""
        return "unsure" if self.unsure else "open" if self.permits else "shut"


@dataclass(frozen=True)
class Filter:
    """Rules in their order, for the packets of one address family.

    Attributes:
        name: as the device calls it; empty where there is no filter
        otherwise: what happens to a packet that no rule matches
        last: that in words
    """

    version: int
    name: str = ""
    rules: tuple[Rule, ...] = ()
    otherwise: bool = True
    last: str = "no list"

    @cached_property
    def entries(self) -> Sequence[tuple[Box, Rule]]:
        """Return the boxes of all rules in their order; the last one has every packet."""
        end = Rule(self.otherwise, self.last, (everything(self.version),))
        return [(box, rule) for rule in (*self.rules, end) for box in rule.boxes]

    @cached_property
    def _near(self) -> dict[Box, list[tuple[int, int, Rule]]]:
        """Return the rules that match packets by all but their source, each with its sources; filled as it is asked."""
        return {}

    def decide(self, flow: Flow) -> Decision:
        """Return what happens to a packet; packets that differ in their source alone share most of the work."""
        rest = flow.box[:SOURCE]
        near = self._near.get(rest)
        if near is None:
            near = self._near[rest] = [
                (*box[SOURCE], rule) for box, rule in self.entries if contains(box[:SOURCE], rest)
            ]
        return _first_of(near, int(flow.source))


def _first_of(near: Sequence[tuple[int, int, Rule]], source: int) -> Decision:
    """Return the decision of the first rule that matches a packet by its source; the last one matches every packet."""
    perhaps = list[Rule]()
    for low, high, rule in near:
        if low <= source <= high:
            if not rule.unsure:
                other = tuple(one.text for one in perhaps if one.permits != rule.permits)
                return Decision(rule.permits, rule.text, other)
            perhaps.append(rule)
    raise AssertionError("a filter's last entry matches every packet")
