"""The schema of Kubernetes: which fields exist, and how lists and maps merge.

Source  schema.json beside this file, made by moor_lab/kubernetes/make_schema.py from the release's OpenAPI document.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

from .objects import Object, canonical

Merge = Literal["map", "set", "atomic", "leaf"]
"""How a value merges: by field or key, as a set of scalars, or only as a whole."""

ANYTHING: Object = {}


@cache
def definitions() -> dict[str, Object]:
    """Return every definition by its name."""
    loaded: dict[str, Object] = json.loads(Path(__file__).with_name("schema.json").read_text())
    return loaded


def definition(name: str) -> Object:
    """Return the schema of a definition; an unknown name has a schema that accepts anything."""
    return definitions().get(name, ANYTHING)


def resolve(node: Object) -> Object:
    """Return the schema that a reference points to; merge rules at the reference take precedence."""
    while "$ref" in node:
        own = {key: value for key, value in node.items() if key != "$ref"}
        node = definition(node["$ref"]) | own
    return node


def field(node: Object, name: str) -> Object:
    """Return the schema of one field of an object or one value of a map."""
    node = resolve(node)
    found: Object = node.get("properties", {}).get(name) or node.get("additionalProperties") or ANYTHING
    return found


def items(node: Object) -> Object:
    """Return the schema of a list's items."""
    found: Object = resolve(node).get("items", ANYTHING)
    return found


def merging(node: Object, value: Any) -> Merge:
    """Return how this value merges under this schema."""
    node = resolve(node)
    if isinstance(value, dict):
        fields = "properties" in node or "additionalProperties" in node
        return "map" if fields and node.get("x-kubernetes-map-type") != "atomic" else "atomic"
    if isinstance(value, list):
        kind: Merge = node.get("x-kubernetes-list-type", "atomic")
        return kind
    return "leaf"


def is_free_map(node: Object) -> bool:
    """Return whether the keys are data, such as labels, instead of fields in the schema."""
    return "additionalProperties" in resolve(node)


def item_key(node: Object, item: Any) -> str:
    """Return the path element of one item of a keyed list or of a set, as in fieldsV1."""
    if not isinstance(item, dict):
        return f"v:{canonical(item)}"
    names = resolve(node).get("x-kubernetes-list-map-keys", ["name"])
    values = {name: item.get(name, field(items(node), name).get("default")) for name in names}
    return "k:" + canonical({name: value for name, value in values.items() if value is not None})


def unknown_fields(node: Object, value: Any, path: str = "") -> Iterator[str]:
    """Yield the fields of ``value`` that are not in the schema, as dotted paths."""
    node = resolve(node)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_fields(items(node), item, f"{path}[{index}]")
    elif isinstance(value, dict):
        known = node.get("properties")
        for name, inner in value.items():
            where = f"{path}.{name}" if path else name
            if known is not None and name not in known:
                yield where
            else:
                yield from unknown_fields(field(node, name), inner, where)
