"""YAML files as trees that remember where every key stands, and their merging."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from moor.errors import InputError, TooManyAliases
from moor.formats.nesting import DEEPEST, refuse_growth

MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, order=True)
class Source:
    """A place in a file: ``file`` as people shall read it, the line from 1, and the keys that lead there."""

    file: str
    line: int
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return f"{where}: {'.'.join(self.path)}" if self.path else where

    def below(self, key: str) -> Source:
        """Return the place of a key that has no line of its own."""
        return Source(self.file, self.line, (*self.path, key))


@dataclass(frozen=True)
class Tree:
    """A value with its place; ``value`` is a scalar, a tuple of trees, or a dict of trees by key."""

    source: Source
    value: object

    @property
    def items(self) -> Mapping[str, Tree]:
        """Return the entries by key; empty where this is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    def plain(self) -> Any:
        """Return the value without its places."""
        if isinstance(self.value, dict):
            return {key: entry.plain() for key, entry in self.value.items()}
        if isinstance(self.value, tuple):
            return [entry.plain() for entry in self.value]
        return self.value

    def place(self, keys: tuple[int | str, ...]) -> Source:
        """Give the place of the deepest thing that ``keys`` lead to, its path completed by those that lead nowhere."""
        if not keys:
            return self.source
        entries: dict[int | str, Tree] = {}
        entries.update(enumerate(self.value) if isinstance(self.value, tuple) else self.items)
        if keys[0] in entries:
            return entries[keys[0]].place(keys[1:])
        source = self.source
        for key in keys:
            source = source.below(str(key))
        return source


def tree_of(value: Any, source: Source) -> Tree:
    """Return a value that no file holds as a tree."""
    if isinstance(value, Mapping):
        return Tree(source, {str(key): tree_of(below, source.below(str(key))) for key, below in value.items()})
    if isinstance(value, list | tuple):
        return Tree(source, tuple(tree_of(one, source) for one in value))
    return Tree(source, value)


def merged(low: Tree | None, high: Tree) -> Tree:
    """Lay ``high`` over ``low``: mappings key by key, anything else replaces what was there."""
    if low is None or not isinstance(low.value, dict) or not isinstance(high.value, dict):
        return high
    both = {key: merged(low.items.get(key), entry) for key, entry in high.items.items()}
    return Tree(high.source, {**low.value, **both})


@dataclass
class Findings:
    """Everything wrong that was found, each told once, in the order of files and lines."""

    found: set[tuple[Source, str]] = field(default_factory=set)

    def add(self, source: Source, message: str) -> None:
        """Note a finding."""
        self.found.add((source, message))

    def lines(self) -> list[str]:
        """Return one line a finding."""
        return [f"{source}: {message}" for source, message in sorted(self.found)]

    def refuse(self) -> None:
        """Raise InputError with all findings, if there are any."""
        if self.found:
            raise InputError("\n".join(self.lines()))


class Shallow(Composer):
    """Reads no deeper than any file of settings is nested: what is deeper takes minutes, then all of the stack."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Read one value; raises ComposerError."""
        if self.depth > DEEPEST:
            mark = self.parser.peek_event().start_mark
            raise ComposerError(None, None, f"nested deeper than {DEEPEST} levels", mark)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def reader() -> YAML:
    """Return what reads YAML 1.2, as data alone."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = Shallow
    return yaml


def load(path: Path, shown: str, findings: Findings) -> Tree:
    """Read a YAML file as a tree; what is wrong with it goes to ``findings``, and no YAML gives no value."""
    yaml = reader()
    try:
        node = yaml.compose(path.read_text("utf-8"))
        if node is None:
            return Tree(Source(shown, 1), {})
        refuse_growth(node)
        return _Reader(yaml, shown, findings).tree(node, ())
    except TooManyAliases as error:
        findings.add(Source(shown, error.line), str(error))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        findings.add(Source(shown, mark.line + 1 if mark else 1), f"not YAML: {error.problem or error.context}")
    except YAMLError as error:
        findings.add(Source(shown, 1), f"not YAML: {' '.join(str(error).split())}")
    except UnicodeDecodeError as error:
        findings.add(Source(shown, 1), f"not UTF-8 text: {error.reason} at byte {error.start}")
    except OSError as error:
        findings.add(Source(shown, 1), f"cannot be read: {error.strerror}")
    return Tree(Source(shown, 1), None)


@dataclass
class _Reader:
    """Turns the YAML library's nodes into trees."""

    yaml: YAML
    file: str
    findings: Findings

    def tree(self, node: Node, path: tuple[str, ...], line: int | None = None) -> Tree:
        source = Source(self.file, line or node.start_mark.line + 1, path)
        if isinstance(node, MappingNode):
            return Tree(source, self.mapping(node, path))
        if isinstance(node, SequenceNode):
            return Tree(source, tuple(self.tree(entry, (*path, str(i))) for i, entry in enumerate(node.value)))
        return Tree(source, self.scalar(node, source))

    def mapping(self, node: MappingNode, path: tuple[str, ...]) -> dict[str, Tree]:
        """Read a mapping's own entries, laid over those that ``<<`` takes from others."""
        inherited: dict[str, Tree] = {}
        own: dict[str, Tree] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == MERGE:
                inherited = {**dict(self.inherited(value_node, path)), **inherited}
            elif key := self.key(key_node, path):
                if key in own:
                    earlier = own[key].source.line
                    self.findings.add(
                        Source(self.file, line, (*path, key)), f"stands here twice, first in line {earlier}"
                    )
                own[key] = self.tree(value_node, (*path, key), line)
        return {**inherited, **own}

    def inherited(self, node: Node, path: tuple[str, ...]) -> Iterator[tuple[str, Tree]]:
        """Yield the entries behind ``<<``; of several mappings the first wins."""
        for part in reversed(node.value) if isinstance(node, SequenceNode) else (node,):
            if isinstance(part, MappingNode):
                yield from self.mapping(part, path).items()

    def key(self, node: Node, path: tuple[str, ...]) -> str | None:
        """Return a key that is text; any other is a finding."""
        source = Source(self.file, node.start_mark.line + 1, path)
        value = self.scalar(node, source) if isinstance(node, ScalarNode) else None
        if isinstance(value, str):
            return value
        self.findings.add(source, f"the key {node.value} is not text; put it in quotes")
        return None

    def scalar(self, node: Node, source: Source) -> object:
        """Return a scalar's value as YAML 1.2 types it."""
        try:
            return self.yaml.constructor.construct_object(node)
        except (YAMLError, ValueError) as error:
            problem = error.problem if isinstance(error, MarkedYAMLError) else str(error)
            self.findings.add(source, f"not a value: {problem}")
            return None
