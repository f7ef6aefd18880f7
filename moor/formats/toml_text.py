"""Edits of single statements of a TOML file; every other line stays.

The text must be valid TOML. Callers parse the result and reject it if it means something else than intended.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from moor.formats.splice import end_of_line, line_break, start_of_line

KeyPath = tuple[str, ...]
IN_ARRAY = "\0"  # marks an array of tables in a path; no key has this name
KEY = re.compile(r"""[ \t]*(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')[ \t]*""")
QUOTES = {
    '"""': re.compile(r'(?:[^"\\]|\\[\s\S]|"(?!""))*"""(?:"{1,2})?'),
    "'''": re.compile(r"[\s\S]*?'''(?:'{1,2})?"),
}
LINE = {'"': re.compile(r'(?:[^"\\\n]|\\.)*"'), "'": re.compile(r"[^'\n]*'")}


@dataclass(frozen=True)
class Statement:
    """A header, or a key with its value.

    Attributes:
        start, end: the span of the whole lines
        value: the span of the value alone
    """

    header: bool
    path: KeyPath
    section: KeyPath
    start: int
    end: int
    value: tuple[int, int] = (0, 0)


def statements(text: str) -> Iterator[Statement]:
    """Yield the statements of a file in order."""
    section: KeyPath = ()
    arrays: set[KeyPath] = set()
    place = 0
    while place < len(text):
        if text[place] in " \t\r\n":
            place += 1
        elif text[place] == "#":
            place = _after_line(text, place)
        elif text[place] == "[":
            array = text.startswith("[[", place)
            keys, end = _keys(text, place + 1 + array)
            section = _within(keys, arrays)
            if array:
                arrays.add(keys)
                section = _within(keys, arrays)
            after = _after_line(text, end)
            yield Statement(True, section, section, start_of_line(text, place), after)
            place = after
        else:
            keys, end = _keys(text, place)
            first = _skipped(text, end + 1)
            last = _end_of_value(text, first)
            after = _after_line(text, last)
            yield Statement(False, (*section, *keys), section, start_of_line(text, place), after, (first, last))
            place = after


def _within(keys: KeyPath, arrays: set[KeyPath]) -> KeyPath:
    """Return a header's path, with ``IN_ARRAY`` after each part that is an array of tables."""
    found: list[str] = []
    for number, key in enumerate(keys):
        found.append(key)
        if keys[: number + 1] in arrays:
            found.append(IN_ARRAY)
    return tuple(found)


def _after_line(text: str, place: int) -> int:
    found = text.find("\n", place)
    return len(text) if found < 0 else found + 1


def _skipped(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t":
        place += 1
    return place


def _keys(text: str, place: int) -> tuple[KeyPath, int]:
    """Return a dotted key and the index where it ends."""
    start = place
    while found := KEY.match(text, place):
        place = found.end()
        if text[place : place + 1] != ".":
            break
        place += 1
    tree: Any = tomllib.loads(f"{text[start:place].strip()} = 0")
    keys: list[str] = []
    while isinstance(tree, dict):
        ((key, tree),) = tree.items()
        keys.append(key)
    return tuple(keys), place


def _end_of_value(text: str, place: int) -> int:
    if text[place] in "[{":
        depth = 0
        while True:
            letter = text[place]
            depth += (letter in "[{") - (letter in "]}")
            if letter in "\"'":
                place = _end_of_string(text, place)
            else:
                place = _after_line(text, place) if letter == "#" else place + 1
            if not depth:
                return place
    if text[place] in "\"'":
        return _end_of_string(text, place)
    end = re.compile(r"[^#\r\n]*").match(text, place)
    return place + len(end[0].rstrip()) if end else place


def _end_of_string(text: str, place: int) -> int:
    mark = text[place : place + 3]
    pattern, first = (QUOTES[mark], place + 3) if mark in QUOTES else (LINE[text[place]], place + 1)
    found = pattern.match(text, first)
    if not found:
        raise ValueError("a text without an end")
    return found.end()


def put_value(text: str, path: KeyPath, value: Any, outer: Any) -> str:
    """Return ``text`` with ``value`` at ``path``.

    Args:
        outer: the desired content of the whole file; an inline table around the path is rewritten from it
    """
    known = list(statements(text))
    around = next((one for one in known if not one.header and one.path == path[: len(one.path)]), None)
    if around:
        for key in around.path:
            outer = outer[key]
        return f"{text[: around.value[0]]}{write_inline(outer)}{text[around.value[1] :]}"
    if any(one.path[: len(path)] == path for one in known):
        text = drop_value(text, path)
        known = list(statements(text))
    return _added(text, known, path, value)


def drop_value(text: str, path: KeyPath) -> str:
    """Return ``text`` without the statements at or below ``path``; comments stay."""
    known = list(statements(text))
    for one in reversed(known):
        if one.path[: len(path)] == path:
            text = text[: one.start] + text[one.end :]
    return text


def _added(text: str, known: Sequence[Statement], path: KeyPath, value: Any) -> str:
    parent, section = path[:-1], [one for one in known if one.section == path[:-1]]
    if section and not isinstance(value, dict):
        pairs = [one for one in section if not one.header]
        return _line(text, (pairs or section)[-1], f"{write_key(path[-1])} = {write_inline(value)}")
    dotted = [one for one in known if not one.header and one.section != parent and one.path[: len(parent)] == parent]
    dotted = [one for one in dotted if parent and len(one.section) < len(parent)]
    if dotted:
        relative = path[len(dotted[-1].section) :]
        return _line(text, dotted[-1], f"{'.'.join(map(write_key, relative))} = {write_inline(value)}")
    if not parent and not isinstance(value, dict):
        return f"{write_key(path[-1])} = {write_inline(value)}{line_break(text)}{text}"
    lines = list(_tables(path, value) if isinstance(value, dict) else _tables(parent, {path[-1]: value}))
    return _section(text, known, parent, lines)


def _line(text: str, after: Statement, line: str) -> str:
    """Insert a line after a statement, with the same indentation."""
    start = text[after.start : after.end]
    indent = start[: len(start) - len(start.lstrip(" \t"))]
    ending = line_break(text)
    gap = "" if text[after.end - 1] == "\n" else ending
    return f"{text[: after.end]}{gap}{indent}{line}{ending}{text[after.end :]}"


def _section(text: str, known: Sequence[Statement], near: KeyPath, lines: Sequence[str]) -> str:
    """Insert tables after the last table with the longest common prefix, else at the end."""
    ending, place = line_break(text), len(text)
    while near:
        if same := [one for one in known if one.section[: len(near)] == near]:
            place = end_of_line(text, same[-1].end)
            break
        near = near[:-1]
    gap = ending if place and text[place - 1] != "\n" else ""
    return f"{text[:place]}{gap}{''.join(f'{line}{ending}' for line in lines)}{text[place:]}"


def _tables(path: KeyPath, value: dict[str, Any]) -> Iterator[str]:
    inner = {key: its for key, its in value.items() if isinstance(its, dict)}
    plain = {key: its for key, its in value.items() if key not in inner}
    if plain or not inner:
        yield f"[{'.'.join(map(write_key, path))}]"
    for key, its in plain.items():
        yield f"{write_key(key)} = {write_inline(its)}"
    for key, its in inner.items():
        yield from _tables((*path, key), its)


def write_key(key: str) -> str:
    """Return a key as TOML, quoted if needed."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def write_inline(value: Any) -> str:
    """Return a value as TOML on one line."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{write_key(key)} = {write_inline(its)}" for key, its in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(write_inline, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    return repr(value) if isinstance(value, int | float) else str(value.isoformat())
