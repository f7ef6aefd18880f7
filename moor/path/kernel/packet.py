"""A packet at a host's firewall, and the conditions that rules have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from moor.path.space import Address, Flow, Ranges

Truth = bool | None  # None: moor does not judge the condition


@dataclass(frozen=True)
class Packet:
    """A packet at a hook.

    Attributes:
        inbound: the interface that it came in by; empty for one that the host sends itself
        outbound: the interface that it leaves by; empty for one that stays
        local: its destination is the host itself
        original: the flow as it was before the host replaced its destination
    """

    flow: Flow
    inbound: str = ""
    outbound: str = ""
    local: bool = False
    original: Flow | None = None

    @property
    def first(self) -> Flow:
        """Return the flow as it came."""
        return self.original or self.flow


Condition = Callable[[Packet], Truth]


@dataclass(frozen=True)
class KernelRule:
    """A rule of a chain.

    Attributes:
        conditions: all have to hold
        action: accept, drop, return, jump, goto, dnat; empty for one that only counts or marks; else one unknown here
        to: the chain of a jump; the new destination of dnat, which may be unknown
        text: the rule as the host lists it
    """

    conditions: tuple[Condition, ...]
    action: str
    text: str
    to: str = ""
    destination: tuple[Address | None, int | None] = (None, None)

    def holds(self, packet: Packet) -> Truth:
        """Return whether the rule matches; None if that depends on a condition that is not judged."""
        return both(condition(packet) for condition in self.conditions)


@dataclass(frozen=True)
class BaseChain:
    """A chain that the kernel calls at a hook: prerouting, input, forward, output or postrouting."""

    name: str
    hook: str
    priority: int
    policy: str
    rules: tuple[KernelRule, ...]
    versions: tuple[int, ...] = (4, 6)


@dataclass(frozen=True)
class Ruleset:
    """All chains of a host.

    Attributes:
        chains: those that rules jump to, by a name that is unique on the host
    """

    bases: tuple[BaseChain, ...] = ()
    chains: Mapping[str, tuple[KernelRule, ...]] = field(default_factory=dict)


def both(truths: Iterable[Truth]) -> Truth:
    """Return whether all hold; None if one is unknown and none is false."""
    unknown = False
    for truth in truths:
        if truth is False:
            return False
        unknown |= truth is None
    return None if unknown else True


def negated(truth: Truth) -> Truth:
    """Return the contrary of what is known."""
    return None if truth is None else not truth


def within(number: int, ranges: Ranges) -> bool:
    """Return whether a number is in one of the ranges."""
    return any(low <= number <= high for low, high in ranges)


def is_interface(name: str, patterns: Sequence[str]) -> bool:
    """Return whether an interface's name is one of some patterns, of which ``*`` and ``+`` end some."""
    return any(fnmatchcase(name, f"{one[:-1]}*" if one.endswith("+") else one) for one in patterns)
