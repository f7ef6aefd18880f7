"""Sets of field paths, and fieldsV1, the format in which Kubernetes writes such sets.

A path is a tuple of elements: ``f:name`` a field or key, ``k:{...}`` an item of a keyed list, ``v:...`` an item of a
set. The path of a keyed item stands for the item being there at all.

Source  https://kubernetes.io/docs/reference/using-api/server-side-apply/, structured-merge-diff v6.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from . import schema
from .objects import Object

Path = tuple[str, ...]
Fields = frozenset[Path]

PRESENT = object()
"""The value of a path that only marks the presence of an item."""


def children(node: Object, value: Any) -> Iterator[tuple[str, Object, Any]]:
    """Yield path element, schema and value of each part that merges separately."""
    kind = schema.merging(node, value)
    if kind == "map" and isinstance(value, dict):
        for name, inner in value.items():
            yield f"f:{name}", schema.field(node, name), inner
    elif kind in ("map", "set"):
        for item in value:
            yield schema.item_key(node, item), schema.items(node), item


def flatten(node: Object, value: Any, path: Path = ()) -> dict[Path, Any]:
    """Return every leaf and every keyed item of ``value``, with its value."""
    parts = list(children(node, value))
    out: dict[Path, Any] = {}
    if path and not parts:
        out[path] = value
    elif path and not path[-1].startswith("f:"):
        out[path] = PRESENT
    for element, inner_node, inner in parts:
        out |= flatten(inner_node, inner, (*path, element))
    return out


def prefixes(fields: Iterable[Path]) -> set[Path]:
    """Return the paths and every path above them."""
    return {path[:end] for path in fields for end in range(1, len(path) + 1)}


def encode(fields: Iterable[Path]) -> Object:
    """Return the set as fieldsV1."""
    paths = set(fields)
    inner = {path[:-1] for path in prefixes(paths)}
    out: Object = {}
    for path in sorted(paths):
        at = out
        for element in path:
            at = at.setdefault(element, {})
        if path in inner:
            at["."] = {}
    return out


def decode(encoded: Object, path: Path = ()) -> Fields:
    """Return the set that a fieldsV1 document describes."""
    if not encoded:
        return frozenset([path]) if path else frozenset()
    out: set[Path] = set()
    for element, inner in encoded.items():
        if element == ".":
            out.add(path)
        else:
            out |= decode(inner, (*path, element))
    return frozenset(out)


def spell(path: Path) -> str:
    """Return a path as messages print it: ``.spec.containers[name="web"].image``."""
    out = ""
    for element in path:
        kind, _, text = element.partition(":")
        if kind == "k":
            keys = ",".join(f"{name}={json.dumps(value)}" for name, value in json.loads(text).items())
            out += f"[{keys}]"
        else:
            out += f".{text}" if kind == "f" else f"[={text}]"
    return out
