"""TOML files that other people own too: changed as data, written back with their comments, order and spelling."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Callable, Iterator, MutableMapping
from copy import deepcopy
from typing import Any

from moor.formats.nesting import refuse_deep
from moor.formats.toml_text import drop, put

Tree = dict[str, Any]
DEPTHS = (99, 4, 3, 2, 1, 0)  # how deep tables are changed in place; what is above is written anew, without comments


def rewritten(content: str, change: Callable[[Tree], Tree]) -> str:
    """Return ``content`` with ``change`` applied; where that changes nothing, ``content`` itself.

    Args:
        change: pure: what the file says to what it shall say

    Raises:
        ValueError: not TOML, or written in a way that only a person can edit.
    """
    before = loaded(content)
    wanted = change(deepcopy(before))
    if same(before, wanted):
        return content
    after = _by_text(content, before, wanted)
    if after is not None:
        return after
    for depth in DEPTHS:
        after = _attempt(content, before, wanted, depth)
        if after is not None and not moved(content, after):
            return after
    raise ValueError("its tables are written in an order that cannot be edited safely; bring each table together")


def loaded(content: str) -> Tree:
    """Return what a file says; raises ValueError."""
    try:
        tree = tomllib.loads(content)
    except RecursionError:
        raise ValueError("nested too deep") from None
    refuse_deep(tree)
    return tree


def _by_text(content: str, before: Tree, wanted: Tree) -> str | None:
    """Return the file as ``wanted``, changed where it has to differ; None where that does not come out."""
    after = content
    try:
        for path, value in _differing(before, wanted):
            after = drop(after, path) if value is None else put(after, path, value, wanted)
        return after if same(tomllib.loads(after), wanted) else None
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _differing(before: Tree, wanted: Tree, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Return what is to be put, and None for what is to go, as far up as one of the two has nothing there."""
    for key in before.keys() - wanted.keys():
        yield (*above, key), None
    for key, value in wanted.items():
        if _tables(before.get(key), value):
            yield from _differing(before[key], value, (*above, key))
        elif key not in before or not same(before[key], value):
            yield (*above, key), value


def moved(content: str, after: str) -> bool:
    """Return whether a line that was there stands somewhere else now, or what was written is spelled anew."""
    lines = list(difflib.ndiff(content.splitlines(), after.splitlines()))
    gone = {line[2:].strip() for line in lines if line.startswith("- ")}
    come = {line[2:].strip() for line in lines if line.startswith("+ ")}
    return bool((gone & come) - {""})


def _attempt(content: str, before: Tree, wanted: Tree, depth: int) -> str | None:
    """Return the file as ``wanted``, or None where the library damages it: some orders of tables defeat it."""
    # Only a file that is to be changed is worth the import.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    document = tomlkit.parse(content)
    try:
        _lay(document, before, wanted, depth)
        after = tomlkit.dumps(document)
        return after if same(tomllib.loads(after), wanted) else None
    except (TOMLKitError, ValueError, LookupError, TypeError, AttributeError):
        return None


def laid(low: Tree, high: Tree) -> Tree:
    """Lay ``high`` over ``low``: tables key by key, anything else replaces what was there."""
    both = {key: laid(low[key], v) if _tables(low.get(key), v) else v for key, v in high.items()}
    return {**low, **both}


def same(left: object, right: object) -> bool:
    """Compare values as TOML types them: 1, 1.0 and true are three."""
    return _spelled(left) == _spelled(right)


def _spelled(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def _tables(left: object, right: object) -> bool:
    return isinstance(left, dict) and isinstance(right, dict)


def _lay(document: MutableMapping[str, Any], before: Tree, wanted: Tree, depth: int) -> None:
    """Change ``document``, which says ``before``, only where it has to differ, in tables down to ``depth``."""
    for key in before.keys() - wanted.keys():
        del document[key]
    for key, value in wanted.items():
        if key in before and same(before[key], value):
            continue
        if depth and _tables(before.get(key), value):
            _lay(document[key], before[key], value, depth - 1)
        else:
            if isinstance(before.get(key), dict | list):
                del document[key]  # laid over, the parts that stand elsewhere in the file would stay
            document[key] = value
