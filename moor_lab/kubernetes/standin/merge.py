"""Merge of an applied configuration into a live object, and removal of fields, by schema; pure."""

from collections.abc import Iterable
from typing import Any

from . import schema
from .fields import Path
from .objects import Object


def merge(node: Object, live: Any, config: Any) -> Any:
    """Return ``live`` merged with ``config``: maps by key, keyed lists by item, everything else as a whole."""
    kind = schema.merging(node, config)
    if kind == "map" and isinstance(config, dict):
        return _merge_maps(node, live if isinstance(live, dict) else {}, config)
    if kind in ("map", "set") and isinstance(live, list):
        return _merge_lists(node, live, config)
    return config


def _merge_maps(node: Object, live: Object, config: Object) -> Object:
    out = dict(live)
    for name, value in config.items():
        out[name] = merge(schema.field(node, name), live.get(name), value)
    return out


def _merge_lists(node: Object, live: list[Any], config: list[Any]) -> list[Any]:
    """Return the items in the order of ``config``; items of ``live`` only stay before their former successor."""
    wanted = {schema.item_key(node, item): item for item in config}
    present = {schema.item_key(node, item): item for item in live}
    out: list[Any] = []
    rest = list(present)
    for key, item in wanted.items():
        while rest and rest[0] not in wanted:
            out.append(present[rest.pop(0)])
        if key in rest:
            rest.remove(key)
        out.append(merge(schema.items(node), present.get(key), item))
    return out + [present[key] for key in rest if key not in wanted]


def remove(node: Object, value: Any, paths: Iterable[Path]) -> Any:
    """Return ``value`` without the fields at ``paths``; remove maps and keyed lists that become empty."""
    below: dict[str, list[Path]] = {}
    for path in paths:
        below.setdefault(path[0], []).append(path[1:])
    if not below:
        return value
    if isinstance(value, dict):
        return _remove_fields(node, value, below)
    if isinstance(value, list):
        return _remove_items(node, value, below)
    return value


def _remove_fields(node: Object, value: Object, below: dict[str, list[Path]]) -> Object:
    out = dict(value)
    for name in value:
        paths = below.get(f"f:{name}")
        if paths is None:
            continue
        inner_node = schema.field(node, name)
        inner = None if () in paths else remove(inner_node, value[name], paths)
        if inner is None or (not inner and (isinstance(inner, list) or schema.is_free_map(inner_node))):
            del out[name]
        else:
            out[name] = inner
    return out


def _remove_items(node: Object, value: list[Any], below: dict[str, list[Path]]) -> list[Any]:
    out = []
    for item in value:
        paths = below.get(schema.item_key(node, item), [])
        if () not in paths:
            out.append(remove(schema.items(node), item, paths))
    return out


def without_nulls(value: Any) -> Any:
    """Return the value without fields set to null, which mean absence."""
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
