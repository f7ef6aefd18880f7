"""A message of kubelet, containerd or Docker, explained without asking anybody; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tasks.layers.rule import Rule


def explained(message: str, rules: Iterable[Rule]) -> list[Rule]:
    """Give the rules that know a message, the one whose symptom matches the most of it first.

    A symptom that is only the shell of another message, such as ``failed to pull and unpack image``, counts where
    nothing else is known: what stands behind it says more.
    """
    words = " ".join(message.split())
    found = [(_longest(rule, words), rule) for rule in rules if rule.symptoms]
    known = [(length, rule) for length, rule in found if length]
    telling = [(length, rule) for length, rule in known if rule.id not in SHELLS]
    return [rule for _, rule in sorted(telling or known, key=lambda pair: -pair[0])]


SHELLS = frozenset({"pull-failed", "pod-waiting", "rollout-unfinished"})  # they quote what another rule knows


def _longest(rule: Rule, words: str) -> int:
    matches = (re.search(symptom, words, re.IGNORECASE) for symptom in rule.symptoms)
    return max((len(match[0]) for match in matches if match), default=0)
