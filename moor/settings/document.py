"""YAML files as trees that remember the file and line of every key, and the merging of such trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode

from moor.errors import InputError, TooManyAliases
from moor.settings.yaml_nodes import TEXT, compose, yaml_reader

MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, order=True)
class Source:
    """A place in a file: its name as shown to users, the line counted from 1, and the path of keys.

    What is no file, such as a device of NetBox, has line 0.
    """

    file: str
    line: int
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.where}: {'.'.join(self.path)}" if self.path else self.where

    @property
    def where(self) -> str:
        """Return the file and, if it has lines, the line."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def below(self, key: str) -> Source:
        """Return the place of a key below this one that has no line of its own."""
        return Source(self.file, self.line, (*self.path, key))


@dataclass(frozen=True)
class Tree:
    """A value and where it is written; ``value`` is a scalar, a tuple of trees, or a dict of trees."""

    source: Source
    value: object

    @property
    def items(self) -> Mapping[str, Tree]:
        """Return the entries by key; empty if this is no mapping."""
        return self.value if isinstance(self.value, dict) else {}

    def plain(self) -> Any:
        """Return the value as plain dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: entry.plain() for key, entry in self.value.items()}
        if isinstance(self.value, tuple):
            return [entry.plain() for entry in self.value]
        return self.value

    def place(self, keys: tuple[int | str, ...]) -> Source:
        """Return the place of the value at ``keys``; if it is missing, the line of the nearest parent that exists."""
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
    """Return the tree of a value that does not come from a file."""
    if isinstance(value, Mapping):
        return Tree(source, {str(key): tree_of(below, source.below(str(key))) for key, below in value.items()})
    if isinstance(value, list | tuple):
        return Tree(source, tuple(tree_of(one, source) for one in value))
    return Tree(source, value)


def merge(low: Tree | None, high: Tree) -> Tree:
    """Merge ``high`` over ``low``: mappings key by key; any other value of ``high`` replaces that of ``low``."""
    if low is None or not isinstance(low.value, dict) or not isinstance(high.value, dict):
        return high
    both = {key: merge(low.items.get(key), entry) for key, entry in high.items.items()}
    return Tree(high.source, {**low.value, **both})


@dataclass
class InputFaults:
    """The faults found in input files, each reported once, in the order of files and lines."""

    found: set[tuple[Source, str]] = field(default_factory=set)

    def add(self, source: Source, message: str) -> None:
        """Add a fault."""
        self.found.add((source, message))

    def lines(self) -> list[str]:
        """Return one line per fault."""
        return [f"{source}: {message}" for source, message in sorted(self.found)]

    def raise_if_any(self) -> None:
        """Raise InputError with all faults, if there are any."""
        if self.found:
            raise InputError("\n".join(self.lines()))


def load_yaml(path: Path, shown: str, faults: InputFaults) -> Tree:
    """Read a YAML file as a tree.

    Args:
        shown: the file's name in messages
        faults: receives whatever is wrong; the value of an unreadable file is None
    """
    yaml = yaml_reader()
    try:
        node = compose(yaml, path.read_text("utf-8"))
        if node is None:
            return Tree(Source(shown, 1), {})
        return _Reader(yaml, shown, faults).tree(node, ())
    except TooManyAliases as error:
        faults.add(Source(shown, error.line), str(error))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        faults.add(Source(shown, mark.line + 1 if mark else 1), f"not YAML: {error.problem or error.context}")
    except YAMLError as error:
        faults.add(Source(shown, 1), f"not YAML: {' '.join(str(error).split())}")
    except UnicodeDecodeError as error:
        faults.add(Source(shown, 1), f"not UTF-8 text: {error.reason} at byte {error.start}; save it as UTF-8")
    except OSError as error:
        faults.add(Source(shown, 1), f"cannot be read: {error.strerror}; run moor as a user who may read it")
    return Tree(Source(shown, 1), None)


@dataclass
class _Reader:
    """Converts the nodes of a YAML library to trees."""

    yaml: YAML
    file: str
    faults: InputFaults
    values: dict[tuple[str, str], object] = field(default_factory=dict)  # of scalars that are not text

    def tree(self, node: Any, path: tuple[str, ...], line: int | None = None) -> Tree:
        source = Source(self.file, line or node.start_mark.line + 1, path)
        if node.id == "mapping":
            return Tree(source, self.mapping(node, path))
        if node.id == "sequence":
            return Tree(source, tuple(self.tree(entry, (*path, str(i))) for i, entry in enumerate(node.value)))
        return Tree(source, self.scalar(node, source))

    def mapping(self, node: Any, path: tuple[str, ...]) -> dict[str, Tree]:
        """Return a mapping's entries; its own win over those inherited by ``<<``."""
        inherited: dict[str, Tree] = {}
        own: dict[str, Tree] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == MERGE:
                inherited = {**dict(self.inherited(value_node, path)), **inherited}
            elif key := self.key(key_node, path):
                if key in own:
                    earlier = own[key].source.line
                    self.faults.add(
                        Source(self.file, line, (*path, key)), f"stands here twice, first in line {earlier}"
                    )
                own[key] = self.tree(value_node, (*path, key), line)
        return {**inherited, **own}

    def inherited(self, node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Tree]]:
        """Yield the entries inherited by ``<<``; of several mappings the first wins, so it is yielded last."""
        for part in reversed(node.value) if node.id == "sequence" else (node,):
            if part.id == "mapping":
                yield from self.mapping(part, path).items()

    def key(self, node: Any, path: tuple[str, ...]) -> str | None:
        """Return a key that is text; add a fault for any other."""
        if node.tag == TEXT and node.id == "scalar":
            return str(node.value)
        source = Source(self.file, node.start_mark.line + 1, path)
        value = self.scalar(node, source) if node.id == "scalar" else None
        if isinstance(value, str):
            return value
        self.faults.add(source, f"the key {node.value} is not text; put it in quotes")
        return None

    def scalar(self, node: Any, source: Source) -> object:
        """Return a scalar's value, typed by YAML 1.2."""
        if node.tag == TEXT:
            return node.value
        if (known := (node.tag, node.value)) in self.values:
            return self.values[known]
        try:
            alike = ScalarNode(node.tag, node.value, node.start_mark, node.end_mark)  # of either library
            self.values[known] = self.yaml.constructor.construct_object(alike)
            return self.values[known]
        except (YAMLError, ValueError) as error:
            problem = error.problem if isinstance(error, MarkedYAMLError) else str(error)
            self.faults.add(source, f"not a value: {problem}")
            return None
