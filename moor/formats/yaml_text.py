"""Editing of YAML files that others own too: changes are computed as data and spliced into the text.

PyYAML reads the files, by YAML 1.1 as their owners do: k3s, RKE2 and Harbor's prepare. The new text must parse to the
desired content, or the edit is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import yaml

from moor.errors import TooManyAliases
from moor.formats.nesting import DEEPEST, refuse_growth
from moor.formats.splice import KeyPath, Language, TextNode, add_key, join_path, line_break, remove_key, replace_value
from moor.formats.toml import is_same

YamlDocument = dict[Any, Any]
LONGEST = 1_000_000  # characters; no configuration file is longer
MERGE = "<<"


class Dumper(yaml.SafeDumper):
    """A YAML writer without anchors, which writes multi-line text as one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# Text that needs no quotes: every reader of YAML 1.1 and 1.2 reads it as the same text.
WORD = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+=-]*")
MEANINGS = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null")


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    word = WORD.fullmatch(value) and not MEANINGS.fullmatch(value)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if word else '"')


Dumper.add_representer(str, _text)


def _to_yaml(value: Any, flow: bool) -> str:
    text: str = yaml.dump(
        value, Dumper=Dumper, default_flow_style=flow, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("...\n").rstrip("\n")


YAML_TEXT = Language(
    inline=lambda value: _to_yaml(value, flow=True),
    pair=lambda key, value: _to_yaml({key: value}, flow=True)[1:-1],
    block=lambda key, value: _to_yaml({key: value}, flow=False),
)


def rewrite(text: str, change: Callable[[YamlDocument], YamlDocument]) -> str:
    """Return ``text`` with ``change`` applied; ``text`` itself if that changes nothing.

    Args:
        change: a pure function from the current content to the desired one, anchors and merge keys resolved

    Raises:
        ValueError: the text is not YAML, not a mapping, or is written in a way that cannot be edited safely.
    """
    before = parse_yaml(text)
    wanted = change(_deep_copy(before))
    after, right = text, False
    with suppress(IndexError):  # a document that is a single value, such as ``null``
        for path in _changed_paths(before, wanted):
            after = _put(after, path, wanted)
        with suppress(ValueError):
            right = _same(parse_yaml(after), wanted)
    if not right:
        raise ValueError("it is written in a way that cannot be edited safely; write each key on a line of its own")
    return after


def parse_yaml(text: str) -> YamlDocument:
    """Return a file's mapping, ``{}`` for an empty file; raise ValueError if it has none."""
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    try:
        _refuse_depth(text)
        root = _compose(text)
        _refuse_duplicate_keys(root)
        tree = _read(text)
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {_problem(error)}") from None
    except (TypeError, OverflowError, LookupError, AttributeError):
        raise ValueError("not YAML: a value or key that no reader takes") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ValueError("not keys and values")
    return _deep_copy(tree)  # type: ignore[no-any-return]  # the copy of a dict is a dict


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
    except ValueError:  # a date that does not exist
        raise ValueError("not YAML: a value that is none") from None


def _problem(error: yaml.YAMLError) -> str:
    """Return the parser's complaint and its line number, without the line's text, which may hold a password."""
    mark = getattr(error, "problem_mark", None)
    words = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    words = re.sub(r" '[^']{3,}'", "", str(words))  # a password that begins with ! is a tag, one with * an anchor
    return f"line {mark.line + 1}: {words}" if mark else words


def _deep_copy(value: Any) -> Any:
    """Copy a value deeply, so that values that shared an anchor become independent."""
    if isinstance(value, dict):
        return {key: _deep_copy(its) for key, its in value.items()}
    return [_deep_copy(part) for part in value] if isinstance(value, list) else value


def _same(left: object, right: object) -> bool:
    return is_same(_with_typed_keys(left), _with_typed_keys(right))


def _with_typed_keys(value: object) -> object:
    """Return a value with its keys as ``repr``, so that the keys 1 and "1" differ."""
    if isinstance(value, dict):
        return {repr(key): _with_typed_keys(its) for key, its in value.items()}
    return [_with_typed_keys(part) for part in value] if isinstance(value, list) else value


def _refuse_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"nested deeper than {DEEPEST} levels")


def _refuse_duplicate_keys(root: TextNode | None) -> None:
    """Raise ValueError for a duplicate key, since readers differ in which one they take."""
    for node in root.all() if root else ():
        names = [key.value for key, _ in node.pairs if key.kind == "scalar"]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"not clear: the key {twice[0]} stands twice in one place")


def _changed_paths(before: YamlDocument, wanted: YamlDocument, above: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the paths to add, replace or remove."""
    for key in [*wanted, *(key for key in before if key not in wanted)]:
        old, new = before.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changed_paths(old, new, (*above, key))
        elif key not in before or key not in wanted or not _same(old, new):
            yield (*above, key)


def _lookup(tree: YamlDocument, path: KeyPath) -> tuple[bool, Any]:
    """Return whether a path exists, and its value."""
    for key in path:
        if not isinstance(tree, dict) or key not in tree:
            return False, None
        tree = tree[key]
    return True, tree


def _put(text: str, path: KeyPath, wanted: YamlDocument) -> str:
    """Return ``text`` edited so that ``path`` has its value of ``wanted``, at the deepest level possible."""
    now, goal = _lookup(parse_yaml(text), path), _lookup(wanted, path)
    if now[0] == goal[0] and _same(now[1], goal[1]):
        return text  # an earlier edit has done this one too
    node = _compose(text)
    if node is None or (node.kind == "scalar" and node.start == node.end):
        gap = "" if not text or text.endswith("\n") else line_break(text)
        lines = f"{_to_yaml(wanted, flow=False)}\n"
        return f"{text}{gap}{lines.replace(chr(10), line_break(text))}"
    aliased = {one.anchor for one in node.all() if one.kind == "alias"}
    for depth, key in enumerate(path):
        _refuse_shared([node], aliased, path[:depth])
        pair = next((one for one in node.pairs if one[0].value == (key if isinstance(key, str) else str(key))), None)
        there, value = _lookup(wanted, path[: depth + 1])
        if pair is None and there:
            return add_key(text, node, key, value, YAML_TEXT)
        if pair is None:
            raise ValueError(f"{join_path(path)} comes out of an anchor; write it out, and drop it there")
        if not there:
            _refuse_shared(pair[1].all(), aliased, path)
            return remove_key(text, node, pair)
        if depth + 1 == len(path) or pair[1].kind != "mapping" or not (pair[1].pairs or pair[1].flow):
            _refuse_shared(() if pair[1].kind == "alias" else pair[1].all(), aliased, path)
            return replace_value(text, node, pair, value, YAML_TEXT)
        node = pair[1]
    return text


def _refuse_shared(nodes: Iterator[TextNode] | list[TextNode] | tuple[()], aliased: set[str], path: KeyPath) -> None:
    """Raise ValueError if a node to change has an anchor that other keys use."""
    for node in nodes:
        if node.kind != "alias" and node.anchor in aliased:
            raise ValueError(
                f"{join_path(path)} carries the anchor &{node.anchor}, which other keys share, so that they would "
                "change too; write it out at each of them"
            )


def _compose(text: str) -> TextNode | None:
    """Return the document's root, None for an empty file; raise YAMLError if it is not YAML."""
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
    if not flow:  # the parser's end mark includes blank lines and comments up to the next key
        end = max([event.end_mark.index, *(part.end for part in parts)])
    if isinstance(event, yaml.SequenceStartEvent):
        return TextNode("sequence", start, end, flow, anchor, parts=parts)
    return TextNode("mapping", start, end, flow, anchor, pairs=list(zip(parts[::2], parts[1::2], strict=True)))
