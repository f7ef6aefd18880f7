"""Edits of a structured text at the positions of its keys and values; every other byte stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

KeyPath = tuple[Any, ...]


@dataclass
class TextNode:
    """A value of a structured text, with its position.

    Attributes:
        kind: mapping, sequence, scalar or alias
        flow: written in brackets with commas; otherwise in lines of its own
        anchor: the anchor's name; of an alias, the anchor it refers to
        value: a scalar's value
    """

    kind: str
    start: int
    end: int
    flow: bool = False
    anchor: str = ""
    value: Any = None
    pairs: list[tuple[TextNode, TextNode]] = field(default_factory=list)
    parts: list[TextNode] = field(default_factory=list)

    def all(self) -> Iterator[TextNode]:
        """Yield the node and all nodes below it."""
        yield self
        for part in (*self.parts, *(one for pair in self.pairs for one in pair)):
            yield from part.all()


@dataclass(frozen=True)
class Language:
    """The functions by which a format writes values.

    Attributes:
        inline: writes a value inside brackets or after its key
        pair: writes a key and its value inside brackets
        block: writes a key and its value on lines of their own; None if the format has only brackets
    """

    inline: Callable[[Any], str]
    pair: Callable[[Any, Any], str]
    block: Callable[[Any, Any], str] | None = None


def line_break(text: str) -> str:
    """Return the line break that a text uses."""
    return "\r\n" if "\r\n" in text else "\n"


def start_of_line(text: str, place: int) -> int:
    """Return the index where the line of ``place`` begins."""
    return text.rfind("\n", 0, place) + 1


def end_of_line(text: str, place: int) -> int:
    """Return the index after the last line that is not empty at or before ``place``."""
    last = place
    while last and text[last - 1] in "\r\n \t" and "\n" in text[last - 1 : place]:
        last -= 1
    while last and text[last - 1] in "\r\n":
        last -= 1
    found = text.find("\n", last)
    return len(text) if found < 0 else found + 1


def column(text: str, place: int) -> int:
    """Return the column of ``place``: the number of characters before it on its line."""
    first = start_of_line(text, place)
    return place - first - text[first:place].count("\ufeff")


def join_path(path: KeyPath) -> str:
    """Return a path as dotted text."""
    return ".".join(map(str, path)) or "the whole"


def add_key(text: str, node: TextNode, key: Any, value: Any, language: Language) -> str:
    """Return ``text`` with one more key at the end of a mapping."""
    if node.flow or language.block is None:
        return _added_within(text, node, language.pair(key, value))
    place = end_of_line(text, node.pairs[-1][1].end)
    first = node.start if text[node.start] == "?" else node.pairs[0][0].start
    return _with_lines(text, place, language.block(key, value), column(text, first))


def _with_lines(text: str, place: int, block: str, indent: int) -> str:
    """Insert lines before ``place``, which is the start of a line or the end of the text."""
    ending = line_break(text)
    lines = [f"{' ' * indent}{line}" if line else "" for line in block.splitlines()]
    gap = ending if place and text[place - 1] != "\n" else ""
    return f"{text[:place]}{gap}{ending.join(lines)}{ending}{text[place:]}"


def _added_within(text: str, node: TextNode, pair: str) -> str:
    if not node.pairs:
        place = node.start + text[node.start : node.end].index("{") + 1
        return f"{text[:place]}{pair}{text[place:]}"
    last = node.pairs[-1]
    first = last[0].start
    gap = text[len(text[:first].rstrip()) : first]
    before = text[: first - len(gap)]
    gap = gap if before.endswith(("{", ",")) and "\n" in gap else " "
    pair = pair.replace("\n", gap if "\n" in gap else "\n")
    return f"{text[: last[1].end]},{gap}{pair}{text[last[1].end :]}"


def replace_value(text: str, node: TextNode, pair: tuple[TextNode, TextNode], value: Any, language: Language) -> str:
    """Return ``text`` with another value for one key of the mapping ``node``."""
    key, old = pair
    empty = old.kind == "scalar" and old.start == old.end
    if empty and not node.flow and language.block and isinstance(value, dict) and value:
        lines = "\n".join(language.block(name, its).rstrip("\n") for name, its in value.items())
        return _with_lines(text, end_of_line(text, old.end), lines, column(text, key.start) + 2)
    start, end = old.start, old.end
    if old.kind in ("mapping", "sequence") and not old.flow:
        start = text.index(":", key.end) + 1
    end -= len(text[start:end]) - len(text[start:end].rstrip())  # a block scalar's last line break stays
    gap = "" if text[start - 1 : start].isspace() else " "
    return f"{text[:start]}{gap}{language.inline(value)}{text[max(start, end) :]}"


def remove_key(text: str, node: TextNode, pair: tuple[TextNode, TextNode]) -> str:
    """Return ``text`` without one key of the mapping ``node``; a mapping left empty becomes ``{}``."""
    key, value = pair
    start = _start_of(text, key)
    at = next(number for number, one in enumerate(node.pairs) if one is pair)
    if len(node.pairs) == 1:
        end = value.start + len(text[value.start : value.end].rstrip()) if value.end > value.start else value.end
        return f"{text[:start]}{'' if node.flow else '{}'}{text[end:]}"
    if not node.flow:
        first = start_of_line(text, start)
        if text[first:start].strip(" \ufeff"):
            raise ValueError(f"{key.value} stands on a line with something else; write it on its own")
        return text[:first] + text[end_of_line(text, value.end) :]
    if at + 1 < len(node.pairs):
        return text[:start] + text[_start_of(text, node.pairs[at + 1][0]) :]
    return text[: node.pairs[at - 1][1].end] + text[value.end :]


def _start_of(text: str, key: TextNode) -> int:
    """Return the index where a key begins, including the ``?`` that YAML allows before it."""
    before = text[: key.start].rstrip(" ")
    return len(before) - 1 if before.endswith("?") and len(before) < key.start else key.start
