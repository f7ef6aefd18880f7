"""JSON files that other people own too: changed as data, written by splices, so that no other line moves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from moor.formats.nesting import refuse_deep
from moor.formats.splice import Language, Path, TextNode, added, dropped, replaced
from moor.formats.toml import Tree, same

SPACE = " \t\r\n"
JSON_TEXT = Language(
    inline=lambda value: json.dumps(value, ensure_ascii=False),
    pair=lambda key, value: f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}",
)


def rewritten(text: str, change: Callable[[Tree], Tree]) -> str:
    """Return ``text`` with ``change`` applied; where that changes nothing, ``text`` itself.

    Args:
        change: pure: what the file says to what it shall say

    Raises:
        ValueError: not JSON, not an object, or a key stands twice.
    """
    before = loaded(text)
    wanted = change(before)
    if same(before, wanted):
        return text
    if not before:
        return f"{json.dumps(wanted, indent=2, ensure_ascii=False)}\n"
    after = text
    for path in _differing(before, wanted):
        after = _put(after, path, wanted)
    if not same(loaded(after), wanted):
        raise ValueError("it cannot be edited safely; write each key on a line of its own")
    return after


def loaded(text: str) -> Tree:
    """Return what a file says, an empty one nothing; raises ValueError."""
    try:
        tree = json.loads(text, object_pairs_hook=_once) if text.strip(SPACE) else {}
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise ValueError("not an object")
    refuse_deep(tree)
    return tree


def _once(pairs: list[tuple[str, Any]]) -> Tree:
    """Return an object; raises ValueError where a key stands twice, of which readers take one or the other."""
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"the key {twice[0]} stands twice in one place")
    return dict(pairs)


def _differing(before: Tree, wanted: Tree, above: Path = ()) -> Iterator[Path]:
    for key in [*wanted, *(key for key in before if key not in wanted)]:
        old, new = before.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differing(old, new, (*above, key))
        elif key not in before or key not in wanted or not same(old, new):
            yield (*above, key)


def _put(text: str, path: Path, wanted: Tree) -> str:
    node, value = _object(text, _skipped(text, 0)), wanted
    for depth, key in enumerate(path):
        pair = next((pair for pair in node.pairs if pair[0].value == key), None)
        if pair is None:
            return added(text, node, key, value[key], JSON_TEXT)
        if key not in value:
            return dropped(text, node, pair)
        if depth + 1 == len(path):
            return replaced(text, node, pair, value[key], JSON_TEXT)
        node, value = pair[1], value[key]
    return text


def _skipped(text: str, place: int) -> int:
    """Return where the next letter stands that is no space."""
    while text[place] in SPACE:
        place += 1
    return place


def _object(text: str, start: int) -> TextNode:
    """Return where the keys and values of an object stand; the text is known to be JSON."""
    pairs, place = [], _skipped(text, start + 1)
    while text[place] != "}":
        name, end = json.JSONDecoder().raw_decode(text, place)
        key = TextNode("scalar", place, end, value=name)
        value = _value(text, _skipped(text, _skipped(text, end) + 1))
        pairs.append((key, value))
        place = _skipped(text, value.end)
        place = _skipped(text, place + 1) if text[place] == "," else place
    return TextNode("mapping", start, place + 1, flow=True, pairs=pairs)


def _value(text: str, start: int) -> TextNode:
    if text[start] == "{":
        return _object(text, start)
    _, end = json.JSONDecoder().raw_decode(text, start)
    return TextNode("scalar", start, end)
