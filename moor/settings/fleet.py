"""A fleet's files as validated facts: defaults below groups below host, everything wrong found at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

from moor.settings.document import Findings, Source, Tree, merged
from moor.settings.entries import Connection, DefaultsEntry, Entry, Pinned
from moor.settings.section import Section
from moor.settings.validation import unknown, validated

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
KEY, CUSTOM = "ssh_host_key", "custom"  # keys of data that are no sections
Kind = TypeVar("Kind", bound=DefaultsEntry)


@dataclass(frozen=True)
class HostFacts:
    """One host: its own entry, its connections and data with all that it inherits."""

    entry: Entry
    connections: dict[str, Connection]
    data: dict[str, Any]
    source: Source


@dataclass(frozen=True)
class InventoryLayer:
    """One host, group or the defaults: what is written, and the same as a model."""

    tree: Tree
    entry: DefaultsEntry

    def part(self, key: str) -> Mapping[str, Tree]:
        """Return the entries below one of its keys."""
        below = self.tree.items.get(key)
        return below.items if below else {}

    @property
    def groups(self) -> tuple[str, ...]:
        """List its groups as written, even where another of its keys is wrong."""
        below = self.tree.items.get("groups")
        names = below.plain() if below and isinstance(below.value, tuple) else ()
        return tuple(str(name) for name in names)


@dataclass
class Fleet:
    """Three trees, taken apart; reading its members adds to ``findings``."""

    site: Path
    models: Mapping[str, type[Section]]
    findings: Findings
    hosts: dict[str, InventoryLayer]
    groups: dict[str, InventoryLayer]
    defaults: InventoryLayer
    _models_made: dict[tuple[int, ...], Section | None] = field(default_factory=dict)

    @classmethod
    def of(
        cls, hosts: Tree, groups: Tree, defaults: Tree, models: Mapping[str, type[Section]], site: Path, found: Findings
    ) -> Fleet:
        """Take the files' trees apart."""
        layer = _layer(DefaultsEntry, defaults, site, found)
        fleet = cls(site, models, found, _layers(hosts, site, found), _layers(groups, site, found), layer)
        if hosts.value == {}:
            found.add(hosts.source, "no hosts; write one, such as: node1: {hostname: 10.0.0.11}")
        fleet._check()
        return fleet

    def add(self, name: str, tree: Tree) -> None:
        """Take one more host, which no file knows."""
        self.hosts[name] = _layer(Entry, tree, self.site, self.findings)
        self._check_groups(self.hosts[name])

    def address(self, name: str) -> str:
        """Return where a host is reached, inherited or else its name."""
        host = self.hosts[name]
        layers = [host, *(self.groups[group] for group in self.lineage(host)), self.defaults]
        return next((layer.entry.hostname for layer in layers if layer.entry.hostname), name)

    def _check(self) -> None:
        for layer in (*self.hosts.values(), *self.groups.values()):
            self._check_groups(layer)
        for name, layer in self.groups.items():
            if name in self._ancestors(layer):
                self.findings.add(layer.tree.place(("groups",)), "the group is its own ancestor")
        for layer in (*self.hosts.values(), *self.groups.values(), self.defaults):
            for key, tree in layer.part("data").items():
                if key not in (*self.models, KEY, CUSTOM):
                    near = unknown(key, (*self.models, KEY, CUSTOM))
                    self.findings.add(tree.source, f"{near} (facts of your own go below data.{CUSTOM})")
        self._check_unused()

    def _check_groups(self, layer: InventoryLayer) -> None:
        for index, name in enumerate(layer.groups):
            if name not in self.groups:
                self.findings.add(layer.tree.place(("groups", index)), f"{name}: {unknown(name, self.groups, 'group')}")

    def _check_unused(self) -> None:
        """Validate what no host holds, as far as it goes; what is missing may come with a host."""
        used = {name for layer in self.hosts.values() for name in self.lineage(layer)}
        bare = [layer for name, layer in self.groups.items() if name not in used]
        for layer in bare if self.hosts else [*bare, self.defaults]:
            for key, tree in layer.part("data").items():
                if key in self.models and tree.value is not None:
                    validated(self.models[key], tree, self.site, self.findings, partly=True)

    def _ancestors(self, layer: InventoryLayer) -> set[str]:
        seen: set[str] = set()
        todo = list(layer.groups)
        while todo:
            name = todo.pop()
            if name in self.groups and name not in seen:
                seen.add(name)
                todo.extend(self.groups[name].groups)
        return seen

    def lineage(self, layer: InventoryLayer, above: tuple[str, ...] = ()) -> list[str]:
        """List the groups that a host is in, its own first, each before its parents: Nornir's order."""
        names: list[str] = []
        for name in layer.groups:
            if name in self.groups and name not in above:
                names += [name, *self.lineage(self.groups[name], (*above, name))]
        return list(dict.fromkeys(names))

    def facts(self, name: str) -> HostFacts:
        """Return one host with all that it inherits; the nearest wins."""
        host = self.hosts[name]
        layers = [host, *(self.groups[group] for group in self.lineage(host)), self.defaults]
        data = {key: self._value(key, layers) for key in dict.fromkeys(k for la in layers for k in la.part("data"))}
        return HostFacts(
            host.entry if isinstance(host.entry, Entry) else Entry(),
            self._connections(layers),
            {key: value for key, value in data.items() if value is not None},
            host.tree.source,
        )

    def _value(self, key: str, layers: list[InventoryLayer]) -> object:
        """Return one key of data, merged over the layers; a null takes away what lower layers say."""
        trees = list(_until_null(layer.part("data").get(key) for layer in layers))
        if not trees:
            return None
        if key == KEY:
            tree = Tree(trees[0].source, {KEY: trees[0]})
            pinned = validated(Pinned, tree, self.site, self.findings)
            return pinned.ssh_host_key if pinned else None
        if key in self.models:
            return self._section(self.models[key], trees)
        return reduce(merged, reversed(trees)).plain()

    def _section(self, model: type[Section], trees: list[Tree]) -> Section | None:
        """Return the section that ``trees`` make, the same object for all hosts that inherit the same."""
        made_of = tuple(id(tree) for tree in trees)
        if made_of not in self._models_made:
            tree = reduce(merged, reversed(trees))
            self._models_made[made_of] = validated(model, tree, self.site, self.findings)
        return self._models_made[made_of]

    def _connections(self, layers: list[InventoryLayer]) -> dict[str, Connection]:
        names = dict.fromkeys(name for layer in layers for name in layer.part("connection_options"))
        trees = {
            name: list(_until_null(layer.part("connection_options").get(name) for layer in layers)) for name in names
        }
        made = {
            name: validated(Connection, reduce(merged, reversed(found)), self.site, self.findings)
            for name, found in trees.items()
            if found
        }
        return {name: connection for name, connection in made.items() if connection}


def _until_null(trees: Iterator[Tree | None]) -> Iterator[Tree]:
    for tree in trees:
        if tree is not None:
            if tree.value is None:
                return
            yield tree


def _layers(tree: Tree, site: Path, findings: Findings) -> dict[str, InventoryLayer]:
    if tree.value is not None and not isinstance(tree.value, dict):
        findings.add(tree.source, "must be a mapping: names with their keys below them")
    for name, below in tree.items.items():
        if not NAME.fullmatch(name):
            findings.add(below.source, "not a name; letters, digits, hyphens, dots and underscores are")
    return {name: _layer(Entry, below, site, findings) for name, below in tree.items.items()}


def _layer(kind: type[Kind], tree: Tree, site: Path, findings: Findings) -> InventoryLayer:
    """Read one entry; an empty one, and keys without a value, say nothing."""
    if isinstance(tree.value, dict):
        written = Tree(tree.source, {key: below for key, below in tree.value.items() if below.value is not None})
    else:
        written = tree if tree.value is not None else Tree(tree.source, {})
    return InventoryLayer(written, validated(kind, written, site, findings) or kind())
