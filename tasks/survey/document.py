"""The files of an inventory with what was found in them, each value below a comment that says where it was read."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from moor.tasks.survey.agreement import Key, Line

Fold = Callable[[Collection[str]], str]


def load(text: str) -> CommentedMap:
    """Return a YAML file with its comments; an empty one for an empty file."""
    found = _yaml().load(text) if text.strip() else None
    return found if isinstance(found, CommentedMap) else CommentedMap()


def dump(tree: CommentedMap) -> str:
    """Return a YAML file with its comments."""
    out = io.StringIO()
    if tree:
        _yaml().dump(tree, out)
    return out.getvalue()


def _yaml() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 10_000
    yaml.preserve_quotes = True
    yaml.composer.warn_double_anchors = False  # YAML allows to name an anchor anew
    return yaml


def put(tree: CommentedMap, line: Line, fold: Fold, above: int = 0) -> str:
    """Put a value at its place unless something is there; return how it differs from what is there, else empty.

    Args:
        above: by how many levels the tree is below the top of its file
    """
    at, place = tree, list(line.key)
    while len(place) > 1:
        below = at.get(place[0])
        if not isinstance(below, CommentedMap):
            if place[0] in at and below is not None:
                return differs(line, below)
            at[place[0]] = below = CommentedMap()
        at, place, above = below, place[1:], above + 1
    if place[0] in at:
        return "" if _same(at[place[0]], line.value) else differs(line, at[place[0]])
    at[place[0]] = _commented(line.value)
    words = "\n".join(f"{fold(hosts)}: {source}" for source, hosts in _by_source(line.hosts).items())
    if words:
        at.fa.set_block_style()  # a mapping in braces has no comments
        at.yaml_set_comment_before_after_key(place[0], before=words, indent=2 * above)
    return ""


def _by_source(hosts: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for host, source in hosts.items():
        found.setdefault(source, []).append(host)
    return found


def _same(there: Any, wanted: Any) -> bool:
    if isinstance(there, Mapping) and isinstance(wanted, Mapping):
        return all(key in there and _same(there[key], value) for key, value in wanted.items())
    if isinstance(there, list) and isinstance(wanted, list):
        return set(map(str, wanted)) <= set(map(str, there))
    return str(there).lower() == str(wanted).lower()


def differs(line: Line, there: Any) -> str:
    """Return the words for a value that is not the one that the inventory has."""
    shown = "another value" if isinstance(there, Mapping) else _plain(there)
    where = ", ".join(f"{host} ({source})" for host, source in line.hosts.items())
    return f"{'.'.join(line.key)}: the inventory says {shown}, and {where} says {_plain(line.value)}"


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _commented(value: Any) -> Any:
    """Return a value as ruamel writes it: short lists and empty mappings on their line."""
    if isinstance(value, Mapping):
        made = CommentedMap({key: _commented(below) for key, below in value.items()})
        if not made:
            made.fa.set_flow_style()
        return made
    if isinstance(value, list | tuple):
        row = CommentedSeq(map(_commented, value))
        if all(not isinstance(one, Mapping | list) for one in value):
            row.fa.set_flow_style()
        return row
    return value


def head(tree: CommentedMap, words: Iterable[str]) -> None:
    """Put a comment at the top of a file that has none."""
    text = "\n".join(words)
    if text and not (tree.ca.comment and tree.ca.comment[1]):
        tree.yaml_set_start_comment(text)


__all__ = ["Fold", "Key", "differs", "dump", "head", "load", "put"]
