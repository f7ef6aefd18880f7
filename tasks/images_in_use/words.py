"""Names and numbers as sentences about images have them; pure."""

from __future__ import annotations

from collections.abc import Iterable

from moor.tasks.images_in_use.usage import Use

SHOWN = 6  # names that a sentence lists
SHORT = 19  # characters of a digest, its algorithm included
RESTARTED = ("Deployment", "StatefulSet", "DaemonSet")  # the kinds of kubectl rollout restart


def listed(names: Iterable[str], shown: int = SHOWN) -> str:
    """Return names as a list in a sentence, the last ones as their number."""
    known = list(dict.fromkeys(names))
    first, rest = known[:shown], len(known) - shown
    if rest > 0:
        return f"{', '.join(first)} and {rest} more"
    return " and ".join(filter(None, (", ".join(first[:-1]), *first[-1:])))


def many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def short(digest: str) -> str:
    return digest[:SHORT]


def owners(uses: Iterable[Use]) -> str:
    return listed(sorted({use.owner for use in uses}))


def places(uses: Iterable[Use]) -> str:
    return listed(sorted({use.namespace for use in uses}))


def restart(uses: Iterable[Use]) -> str:
    """Return the command that starts the pods of the first use anew, and what to do with the others."""
    known = sorted({(use.namespace, use.kind, use.name) for use in uses})
    namespace, kind, name = known[0]
    if kind not in RESTARTED:
        return f"have the pods of {kind} {namespace}/{name} start anew"
    more = f", and the same for {many(len(known) - 1, 'other')}" if len(known) > 1 else ""
    return f"kubectl --namespace {namespace} rollout restart {kind.lower()}/{name}{more}"
