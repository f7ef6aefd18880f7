"""Limits on the depth and size of documents from outside, so that reading them stays cheap."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from typing import Any

from moor.errors import TooManyAliases

DEEPEST = 50
MOST = 1_000_000  # keys and values after aliases are expanded; a fleet of thousands of hosts has fewer


def parse_json(text: str | bytes) -> Any:
    """Parse a JSON text; raise ValueError, also if it is nested deeper than Python can read."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deep") from None


def parse_object(text: str | bytes) -> dict[str, Any]:
    """Return the object that a JSON text is, an empty one if it is none: what others say may be anything."""
    try:
        found = parse_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def objects_in(value: object) -> list[Mapping[str, Any]]:
    """Return the objects of a list in a JSON text; none if it is no list."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def refuse_deep(tree: Any) -> None:
    """Raise ValueError if a document is nested deeper than ``DEEPEST``."""
    level = [tree]
    for _ in range(DEEPEST):
        inner = [node.values() if isinstance(node, dict) else node for node in level if isinstance(node, dict | list)]
        level = [node for nodes in inner for node in nodes]
        if not level:
            return
    raise ValueError(f"nested deeper than {DEEPEST} levels")


def refuse_growth(root: Any, deepest: int = DEEPEST) -> None:
    """Check the size and depth that a composed YAML document has once its aliases and merge keys are expanded.

    Args:
        root: a node of PyYAML or ruamel.yaml; both represent an alias by its anchor's node.
        deepest: the most levels.

    Raises:
        TooManyAliases: it is too large or too deep, or an anchor contains itself.
    """
    known: dict[int, tuple[int, int]] = {}
    begun: set[int] = set()

    def measured(node: Any) -> tuple[int, int]:
        """Return the number of values and of levels below a node."""
        if id(node) in known:
            return known[id(node)]
        line = node.start_mark.line + 1
        if id(node) in begun:
            raise TooManyAliases(line, "an anchor whose value contains itself")
        begun.add(id(node))
        entries = [] if isinstance(node.value, str) else node.value
        parts = chain.from_iterable(entry if isinstance(entry, tuple) else (entry,) for entry in entries)
        below = [measured(part) for part in parts]
        size, depth = 1 + sum(size for size, _ in below), 1 + max((depth for _, depth in below), default=0)
        if size > MOST + len(known):
            raise TooManyAliases(
                line, f"its aliases stand for more than {MOST:,} keys and values; write out what is meant"
            )
        if depth > deepest + 1:
            raise TooManyAliases(
                line, f"its aliases make it nested deeper than {deepest} levels; write out what is meant"
            )
        known[id(node)] = size, depth
        return known[id(node)]

    measured(root)
