"""Editing of TOML files that others own too: comments, order and spelling stay."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Callable, Iterator, MutableMapping
from copy import deepcopy
from typing import Any

from moor.formats.nesting import refuse_deep
from moor.formats.toml_text import drop_value, put_value

Document = dict[str, Any]
DEPTHS = (
    99,
    4,
    3,
    2,
    1,
    0,
)  # tables are changed in place down to this level; deeper ones are rewritten


def rewrite(content: str, change: Callable[[Document], Document]) -> str:
    """Return ``content`` with ``change`` applied; ``content`` itself if that changes nothing.

    Args:
        change: a pure function from the current content to the desired one

    Raises:
        ValueError: the text is not TOML, or is written in a way that cannot be edited safely.
    """
    before = parse_toml(content)
    wanted = change(deepcopy(before))
    if is_same(before, wanted):
        return content
    after = _by_text(content, before, wanted)
    if after is not None:
        return after
    for depth in DEPTHS:
        after = _by_tomlkit(content, before, wanted, depth)
        if after is not None and not is_reordered(content, after):
            return after
    raise ValueError("its tables are written in an order that cannot be edited safely; bring each table together")


def parse_toml(content: str) -> Document:
    """Parse a TOML file; raise ValueError if it is not TOML or is nested too deep."""
    try:
        tree = tomllib.loads(content)
    except RecursionError:
        raise ValueError("nested too deep") from None
    refuse_deep(tree)
    return tree


def _by_text(content: str, before: Document, wanted: Document) -> str | None:
    """Return the text edited to ``wanted``, statement by statement; None if that fails."""
    after = content
    try:
        for path, value in _changed_paths(before, wanted):
            after = drop_value(after, path) if value is None else put_value(after, path, value, wanted)
        return after if is_same(tomllib.loads(after), wanted) else None
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _changed_paths(
    before: Document, wanted: Document, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the paths that differ with their new value, or None for a path to remove."""
    for key in before.keys() - wanted.keys():
        yield (*above, key), None
    for key, value in wanted.items():
        if _both_tables(before.get(key), value):
            yield from _changed_paths(before[key], value, (*above, key))
        elif key not in before or not is_same(before[key], value):
            yield (*above, key), value


def is_reordered(content: str, after: str) -> bool:
    """Return whether an existing line was moved or re-indented."""
    lines = list(difflib.ndiff(content.splitlines(), after.splitlines()))
    gone = {line[2:].strip() for line in lines if line.startswith("- ")}
    come = {line[2:].strip() for line in lines if line.startswith("+ ")}
    return bool((gone & come) - {""})


def _by_tomlkit(content: str, before: Document, wanted: Document, depth: int) -> str | None:
    """Return the text edited to ``wanted`` by tomlkit; None if tomlkit damages it, as with some orders of tables."""
    # Slow to import, and needed only for some files.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    document = tomlkit.parse(content)
    try:
        _apply(document, before, wanted, depth)
        after = tomlkit.dumps(document)
        return after if is_same(tomllib.loads(after), wanted) else None
    except (TOMLKitError, ValueError, LookupError, TypeError, AttributeError):
        return None


def merge(low: Document, high: Document) -> Document:
    """Merge ``high`` over ``low``: tables key by key; any other value of ``high`` replaces that of ``low``."""
    both = {key: merge(low[key], v) if _both_tables(low.get(key), v) else v for key, v in high.items()}
    return {**low, **both}


def is_same(left: object, right: object) -> bool:
    """Return whether two values are equal with TOML's types: 1, 1.0 and true all differ."""
    return _typed_json(left) == _typed_json(right)


def _typed_json(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def _both_tables(left: object, right: object) -> bool:
    return isinstance(left, dict) and isinstance(right, dict)


def _apply(document: MutableMapping[str, Any], before: Document, wanted: Document, depth: int) -> None:
    """Change ``document`` from ``before`` to ``wanted``, in place down to ``depth`` levels of tables."""
    for key in before.keys() - wanted.keys():
        del document[key]
    for key, value in wanted.items():
        if key in before and is_same(before[key], value):
            continue
        if depth and _both_tables(before.get(key), value):
            _apply(document[key], before[key], value, depth - 1)
        else:
            if isinstance(before.get(key), dict | list):
                del document[key]  # else its parts elsewhere in the file would stay
            document[key] = value
