"""A rule: a known cause of a fault, and the evidence by which it is recognised; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Evidence = Mapping[str, str]
"""What was read about one layer, by field; the module that collects a layer's evidence names its fields."""


KEEPER, MAKER, OTHERS = "kept_by", "robots_by", "others"  # who runs the registry, and who makes its robots
OF_REGISTRY = re.compile(r"\bmoor (?:apply|plan) (?:harbor|pki)\b|\bmoor cert renew\b")
OF_ROBOTS = "moor apply registry"


def changes_registry(mend: str) -> bool:
    """Return whether a remedy is a command that only helps where moor runs the registry."""
    return OF_REGISTRY.search(mend) is not None


def makes_robots(mend: str) -> bool:
    """Return whether a remedy only helps where moor makes the registry's projects and robots."""
    return OF_ROBOTS in mend and not changes_registry(mend)


@dataclass(frozen=True)
class Verdict:
    """What is wrong with one layer, and its remedy."""

    layer: str
    rule: str
    cause: str
    mend: str


@dataclass(frozen=True)
class Rule:
    """A known cause of a failing pull.

    Attributes:
        id: short, such as ``name-missing``
        layer: the layer whose evidence shows it
        when: whether the evidence shows it; pure
        cause: one sentence; ``{field}`` is filled in from the evidence
        mend: the remedy: a moor command if one helps, else the exact command to type; ``{field}`` as above
        source: where this is known from: a recording, a man page, an upstream issue
        elsewhere: the remedy where somebody else runs the registry; required where ``mend`` changes the registry
    """

    id: str
    layer: str
    when: Callable[[Evidence], bool]
    cause: str
    mend: str
    source: str
    elsewhere: str = ""

    def verdict(self, evidence: Evidence) -> Verdict:
        """Fill in cause and remedy from the evidence; a missing field becomes ``?``."""
        others = evidence.get(MAKER if makes_robots(self.mend) else KEEPER) == OTHERS
        mend = self.elsewhere if self.elsewhere and others else self.mend
        return Verdict(self.layer, self.id, _filled(self.cause, evidence), _filled(mend, evidence))


def _filled(text: str, evidence: Evidence) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: evidence.get(found[1], "") or "?", text)


def first_match(rules: Iterable[Rule], layer: str, evidence: Evidence) -> Verdict | None:
    """Return the verdict of the layer's first rule that matches the evidence; None if none does."""
    return next((rule.verdict(evidence) for rule in rules if rule.layer == layer and rule.when(evidence)), None)


def all_matches(rules: Iterable[Rule], layer: str, evidence: Evidence) -> list[Verdict]:
    """Return the verdicts of all rules of the layer that match the evidence."""
    return [rule.verdict(evidence) for rule in rules if rule.layer == layer and rule.when(evidence)]
