"""A known cause as a value; nothing here asks anybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

Evidence = Mapping[str, str]
"""What was seen of one layer, by field; each layer's module says which fields there are."""


@dataclass(frozen=True)
class Verdict:
    """What is wrong with one layer, and what mends it."""

    layer: str
    rule: str
    cause: str
    mend: str


@dataclass(frozen=True)
class Rule:
    """One cause of a pull that fails.

    Attributes:
        id: short, such as ``name-missing``
        layer: the layer whose evidence shows it
        when: pure: whether the evidence shows it
        cause: one sentence; ``{field}`` is filled in from the evidence
        mend: a moor command where there is one, else the exact command for a person; ``{field}`` as above
        source: where this is known from: a recording, a man page, an upstream issue
    """

    id: str
    layer: str
    when: Callable[[Evidence], bool]
    cause: str
    mend: str
    source: str

    def verdict(self, evidence: Evidence) -> Verdict:
        """Fill cause and mend from the evidence; a field that is not there shows as ``?``."""
        return Verdict(self.layer, self.id, _filled(self.cause, evidence), _filled(self.mend, evidence))


def _filled(text: str, evidence: Evidence) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: evidence.get(found[1], "") or "?", text)


def first_match(rules: Iterable[Rule], layer: str, evidence: Evidence) -> Verdict | None:
    """Return the verdict of the first rule of the layer that the evidence shows; None where all is well."""
    return next((rule.verdict(evidence) for rule in rules if rule.layer == layer and rule.when(evidence)), None)


def all_matches(rules: Iterable[Rule], layer: str, evidence: Evidence) -> list[Verdict]:
    """Return the verdicts of all rules of the layer that the evidence shows."""
    return [rule.verdict(evidence) for rule in rules if rule.layer == layer and rule.when(evidence)]
