"""Editing of JSON files that others own too: changes are computed as data and spliced into the text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from moor.formats.nesting import refuse_deep
from moor.formats.splice import KeyPath, Language, TextNode, add_key, remove_key, replace_value
from moor.formats.toml import Document, is_same

SPACE = " \t\r\n"
JSON_TEXT = Language(
    inline=lambda value: json.dumps(value, ensure_ascii=False),
    pair=lambda key, value: f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}",
)


def rewrite(text: str, change: Callable[[Document], Document]) -> str:
    """Return ``text`` with ``change`` applied; ``text`` itself if that changes nothing.

    Args:
        change: a pure function from the current content to the desired one

    Raises:
        ValueError: the text is not JSON or not an object, or has a key twice.
    """
    before = parse_json_object(text)
    wanted = change(before)
    if is_same(before, wanted):
        return text
    if not before:
        return f"{json.dumps(wanted, indent=2, ensure_ascii=False)}\n"
    after = text
    for path in _changed_paths(before, wanted):
        after = _put(after, path, wanted)
    if not is_same(parse_json_object(after), wanted):
        raise ValueError("it cannot be edited safely; write each key on a line of its own")
    return after


def parse_json_object(text: str) -> Document:
    """Return a file's object, ``{}`` for an empty file; raise ValueError if it has none."""
    try:
        tree = json.loads(text, object_pairs_hook=_without_duplicates) if text.strip(SPACE) else {}
    except RecursionError:
        raise ValueError("nested too deep") from None
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(tree, dict):
        raise ValueError("not an object")
    refuse_deep(tree)
    return tree


def _without_duplicates(pairs: list[tuple[str, Any]]) -> Document:
    """Return an object; raise ValueError for a duplicate key, since readers differ in which one they take."""
    names = [name for name, _ in pairs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"the key {twice[0]} stands twice in one place")
    return dict(pairs)


def _changed_paths(before: Document, wanted: Document, above: KeyPath = ()) -> Iterator[KeyPath]:
    for key in [*wanted, *(key for key in before if key not in wanted)]:
        old, new = before.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changed_paths(old, new, (*above, key))
        elif key not in before or key not in wanted or not is_same(old, new):
            yield (*above, key)


def _put(text: str, path: KeyPath, wanted: Document) -> str:
    node, value = _object(text, _after_space(text, 0)), wanted
    for depth, key in enumerate(path):
        pair = next((pair for pair in node.pairs if pair[0].value == key), None)
        if pair is None:
            return add_key(text, node, key, value[key], JSON_TEXT)
        if key not in value:
            return remove_key(text, node, pair)
        if depth + 1 == len(path):
            return replace_value(text, node, pair, value[key], JSON_TEXT)
        node, value = pair[1], value[key]
    return text


def _after_space(text: str, place: int) -> int:
    """Return the index of the next character that is no whitespace."""
    while text[place] in SPACE:
        place += 1
    return place


def _object(text: str, start: int) -> TextNode:
    """Return the positions of an object's keys and values; the text is valid JSON."""
    pairs, place = [], _after_space(text, start + 1)
    while text[place] != "}":
        name, end = json.JSONDecoder().raw_decode(text, place)
        key = TextNode("scalar", place, end, value=name)
        value = _value(text, _after_space(text, _after_space(text, end) + 1))
        pairs.append((key, value))
        place = _after_space(text, value.end)
        place = _after_space(text, place + 1) if text[place] == "," else place
    return TextNode("mapping", start, place + 1, flow=True, pairs=pairs)


def _value(text: str, start: int) -> TextNode:
    if text[start] == "{":
        return _object(text, start)
    _, end = json.JSONDecoder().raw_decode(text, start)
    return TextNode("scalar", start, end)
