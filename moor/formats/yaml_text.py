"""YAML files that other people own too: changed as data, written by splices of the text, so that no other line moves.

The reader is PyYAML, which takes YAML 1.1 as those do whose files these are: k3s and RKE2, and Harbor's prepare. What
it makes of the new text must be what was wanted, or nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import yaml

from moor.errors import TooManyAliases
from moor.formats.nesting import DEEPEST, refuse_growth
from moor.formats.splice import Language, Path, TextNode, added, dotted, dropped, line_break, replaced
from moor.formats.toml import same

Tree = dict[Any, Any]
LONGEST = 1_000_000  # characters; a longer one is no file of settings
MERGE = "<<"


class Dumper(yaml.SafeDumper):
    """Writes every value out, and a text of many lines on one."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# What every reader of YAML takes for the same text without quotes, whether of version 1.1 or 1.2.
WORD = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+=-]*")
MEANINGS = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null")


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    word = WORD.fullmatch(value) and not MEANINGS.fullmatch(value)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if word else '"')


Dumper.add_representer(str, _text)


def _dumped(value: Any, flow: bool) -> str:
    text: str = yaml.dump(
        value, Dumper=Dumper, default_flow_style=flow, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("...\n").rstrip("\n")


YAML_TEXT = Language(
    inline=lambda value: _dumped(value, flow=True),
    pair=lambda key, value: _dumped({key: value}, flow=True)[1:-1],
    block=lambda key, value: _dumped({key: value}, flow=False),
)


def rewritten(text: str, change: Callable[[Tree], Tree]) -> str:
    """Return ``text`` with ``change`` applied; where that changes nothing, ``text`` itself.

    Args:
        change: pure: what the file says to what it shall say, both with anchors and merge keys resolved

    Raises:
        ValueError: not YAML, not keys and values, or written in a way that only a person can edit.
    """
    before = loaded(text)
    wanted = change(_apart(before))
    after, right = text, False
    with suppress(IndexError):  # a document that is one value, such as ``null``
        for path in _differing(before, wanted):
            after = _put(after, path, wanted)
        with suppress(ValueError):
            right = _same(loaded(after), wanted)
    if not right:
        raise ValueError("it is written in a way that cannot be edited safely; write each key on a line of its own")
    return after


def loaded(text: str) -> Tree:
    """Return what a file says, an empty one nothing; raises ValueError."""
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    try:
        _refuse_depth(text)
        root = _composed(text)
        _refuse_twice(root)
        tree = _read(text)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {_problem(error)}") from None
    except (TypeError, OverflowError, LookupError, AttributeError):
        raise ValueError("not YAML: a value or key that no reader takes") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ValueError("not keys and values")
    return _apart(tree)  # type: ignore[no-any-return]  # a mapping stays one


def _read(text: str) -> Any:
    loader = yaml.SafeLoader(text)
    root = loader.get_single_node()
    if root is None:
        return None
    try:
        refuse_growth(root)
        return loader.construct_document(root)
    except TooManyAliases as error:
        raise ValueError(f"line {error.line}: {error}") from None
    except ValueError:  # a date of no calendar
        raise ValueError("not YAML: a value that is none") from None


def _problem(error: yaml.YAMLError) -> str:
    """Return what the parser minds and where; not the line, which may hold a password."""
    mark = getattr(error, "problem_mark", None)
    words = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    words = re.sub(r" '[^']{3,}'", "", str(words))  # a password that begins with ! is a tag, one with * an anchor
    return f"line {mark.line + 1}: {words}" if mark else words


def _apart(value: Any) -> Any:
    """Copy a value so that what shares an anchor is no longer one thing."""
    if isinstance(value, dict):
        return {key: _apart(its) for key, its in value.items()}
    return [_apart(part) for part in value] if isinstance(value, list) else value


def _same(left: object, right: object) -> bool:
    return same(_keyed(left), _keyed(right))


def _keyed(value: object) -> object:
    """Return a value whose keys keep their types apart: 1 and "1" are two."""
    if isinstance(value, dict):
        return {repr(key): _keyed(its) for key, its in value.items()}
    return [_keyed(part) for part in value] if isinstance(value, list) else value


def _refuse_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST} levels")


def _refuse_twice(root: TextNode | None) -> None:
    """Raise ValueError where a key stands twice: readers differ in which of the two counts."""
    for node in root.all() if root else ():
        names = [key.value for key, _ in node.pairs if key.kind == "scalar"]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"not clear: the key {twice[0]} stands twice in one place")


def _differing(before: Tree, wanted: Tree, above: Path = ()) -> Iterator[Path]:
    """Return the paths to put, replace or drop, as far up as one of the two has nothing there."""
    for key in [*wanted, *(key for key in before if key not in wanted)]:
        old, new = before.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differing(old, new, (*above, key))
        elif key not in before or key not in wanted or not _same(old, new):
            yield (*above, key)


def _at(tree: Tree, path: Path) -> tuple[bool, Any]:
    """Return whether something stands at a path, and what."""
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return False, None
        tree = tree[key]
    return True, tree


def _put(text: str, path: Path, wanted: Tree) -> str:
    """Return ``text`` that says at ``path`` what ``wanted`` does, changed at the lowest place where that can be."""
    now, goal = _at(loaded(text), path), _at(wanted, path)
    if now[0] == goal[0] and _same(now[1], goal[1]):
        return text  # an earlier path has brought it along
    node = _composed(text)
    if node is None or (node.kind == "scalar" and node.start == node.end):
        gap = "" if not text or text.endswith("\n") else line_break(text)
        lines = f"{_dumped(wanted, flow=False)}\n"
        return f"{text}{gap}{lines.replace(chr(10), line_break(text))}"
    aliased = {one.anchor for one in node.all() if one.kind == "alias"}
    for depth, key in enumerate(path):
        _refuse_shared([node], aliased, path[:depth])
        pair = next((one for one in node.pairs if one[0].value == (key if isinstance(key, str) else str(key))), None)
        there, value = _at(wanted, path[: depth + 1])
        if pair is None and there:
            return added(text, node, key, value, YAML_TEXT)
        if pair is None:
            raise ValueError(f"{dotted(path)} comes out of an anchor; write it out, and drop it there")
        if not there:
            _refuse_shared(pair[1].all(), aliased, path)
            return dropped(text, node, pair)
        if depth + 1 == len(path) or pair[1].kind != "mapping" or not (pair[1].pairs or pair[1].flow):
            _refuse_shared(() if pair[1].kind == "alias" else pair[1].all(), aliased, path)
            return replaced(text, node, pair, value, YAML_TEXT)
        node = pair[1]
    return text


def _refuse_shared(nodes: Iterator[TextNode] | list[TextNode] | tuple[()], aliased: set[str], path: Path) -> None:
    """Raise ValueError where what is to be changed has an anchor by which other keys say the same."""
    for node in nodes:
        if node.kind != "alias" and node.anchor in aliased:
            raise ValueError(
                f"{dotted(path)} carries the anchor &{node.anchor}, which other keys share, so that they would change "
                "too; write it out at each of them"
            )


def _composed(text: str) -> TextNode | None:
    """Return the document's root, None of an empty file; raises YAMLError."""
    events = iter(list(yaml.parse(text)))
    roots = [_node(event, events) for event in events if isinstance(event, yaml.NodeEvent)]
    if len(roots) > 1:
        raise ValueError("not YAML of one document")
    return roots[0] if roots else None


def _node(event: Any, events: Iterator[Any]) -> TextNode:
    start, end, anchor = event.start_mark.index, event.end_mark.index, getattr(event, "anchor", None) or ""
    if isinstance(event, yaml.AliasEvent):
        return TextNode("alias", start, end, anchor=anchor)
    if isinstance(event, yaml.ScalarEvent):
        return TextNode("scalar", start, end, anchor=anchor, value=event.value)
    parts: list[TextNode] = []
    inner: Any
    for inner in events:
        end = inner.end_mark.index
        if type(inner) in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            break
        parts.append(_node(inner, events))
    flow = bool(event.flow_style)
    if not flow:  # the parser counts what follows, up to the next key, as part of it
        end = max([event.end_mark.index, *(part.end for part in parts)])
    if isinstance(event, yaml.SequenceStartEvent):
        return TextNode("sequence", start, end, flow, anchor, parts=parts)
    return TextNode("mapping", start, end, flow, anchor, pairs=list(zip(parts[::2], parts[1::2], strict=True)))
