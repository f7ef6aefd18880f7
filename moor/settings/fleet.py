"""The inventory's files merged per host (defaults < groups < host) and validated, with every fault at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from pathlib import Path
from typing import Any, TypeVar

from moor.settings.document import InputFaults, Source, Tree, merge
from moor.settings.entries import ConnectionEntry, DefaultsEntry, InventoryEntry, PinnedHostKeys
from moor.settings.former import FORMER, UNTIL, FormerSettings, former_of, over, without_until
from moor.settings.section import Section
from moor.settings.shared_models import SharedModels
from moor.settings.validation import unknown_name, validate

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
HOST_KEY, CUSTOM = "ssh_host_key", "custom"  # keys of data that are not sections
EntryType = TypeVar("EntryType", bound=DefaultsEntry)


@dataclass(frozen=True)
class HostFacts:
    """One host: its own entry, and its connections and data merged with those it inherits."""

    entry: InventoryEntry
    connections: dict[str, ConnectionEntry]
    data: dict[str, Any]
    source: Source


@dataclass(frozen=True)
class InventoryLayer:
    """One host, one group or the defaults: the tree of its file and the validated entry."""

    tree: Tree
    entry: DefaultsEntry

    def part(self, key: str) -> Mapping[str, Tree]:
        """Return the entries below ``key``."""
        below = self.tree.items.get(key)
        return below.items if below else {}

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """List its groups as written, also if another of its keys is wrong."""
        below = self.tree.items.get("groups")
        names = below.plain() if below and isinstance(below.value, tuple) else ()
        return tuple(str(name) for name in names)


@dataclass(frozen=True)
class Inheritance:
    """What hosts of the same groups inherit.

    Attributes:
        layers: their groups, the nearest first, then the defaults.
        keys: of data.
        data: values of data that a host inherits as they are; filled as hosts need them.
        connections: likewise, for hosts that write none of their own.
    """

    layers: tuple[InventoryLayer, ...]
    keys: tuple[str, ...]
    data: dict[str, object] = field(default_factory=dict)
    connections: dict[str, ConnectionEntry] = field(default_factory=dict)


@dataclass
class Fleet:
    """The hosts, groups and defaults of the inventory; merging a host adds its faults to ``faults``."""

    site: Path
    models: Mapping[str, type[Section]]
    faults: InputFaults
    hosts: dict[str, InventoryLayer]
    groups: dict[str, InventoryLayer]
    defaults: InventoryLayer
    _lineages: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    _inheritances: dict[tuple[str, ...], Inheritance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._shared = SharedModels(self.site, self.faults)

    @classmethod
    def of(
        cls,
        hosts: Tree,
        groups: Tree,
        defaults: Tree,
        models: Mapping[str, type[Section]],
        site: Path,
        found: InputFaults,
    ) -> Fleet:
        """Build the fleet from the trees of its three files."""
        layer = _layer(DefaultsEntry, defaults, site, found)
        fleet = cls(site, models, found, _layers(hosts, site, found), _layers(groups, site, found), layer)
        if hosts.value == {}:
            found.add(hosts.source, "no hosts; write one, such as: node1: {hostname: 10.0.0.11}")
        fleet._check()
        return fleet

    def add(self, name: str, tree: Tree) -> None:
        """Add a host that comes from no file."""
        self.hosts[name] = _layer(InventoryEntry, tree, self.site, self.faults)
        self._check_groups(self.hosts[name])

    def address(self, name: str) -> str:
        """Return a host's address: its own or an inherited hostname, else its name."""
        host = self.hosts[name]
        layers = [host, *(self.groups[group] for group in self.lineage(host)), self.defaults]
        return next((layer.entry.hostname for layer in layers if layer.entry.hostname), name)

    def written_sections(self) -> list[str]:
        """List the sections that a host, a group or the defaults write."""
        layers = (*self.hosts.values(), *self.groups.values(), self.defaults)
        written = dict.fromkeys(key for layer in layers for key in layer.part("data"))
        return [key for key in written if self._is_section(key)]

    def _is_section(self, key: str) -> bool:
        """Return whether a key of data is a section; for a name that nobody defines, all tasks are imported."""
        return key not in (HOST_KEY, CUSTOM) and key in self.models

    def _check(self) -> None:
        for layer in (*self.hosts.values(), *self.groups.values()):
            self._check_groups(layer)
        for name, layer in self.groups.items():
            if name in self._ancestors(layer):
                self.faults.add(
                    layer.tree.place(("groups",)),
                    "the group is its own ancestor; take it out of groups, or out of theirs",
                )
        for layer in (*self.hosts.values(), *self.groups.values(), self.defaults):
            for key, tree in layer.part("data").items():
                if key not in (HOST_KEY, CUSTOM) and key not in self.models:
                    near = unknown_name(key, (*self.models, HOST_KEY, CUSTOM))
                    self.faults.add(tree.source, f"{near} (facts of your own go below data.{CUSTOM})")
        self._check_unused()

    def _check_groups(self, layer: InventoryLayer) -> None:
        for index, name in enumerate(layer.groups):
            if name not in self.groups:
                self.faults.add(
                    layer.tree.place(("groups", index)), f"{name}: {unknown_name(name, self.groups, 'group')}"
                )

    def _check_unused(self) -> None:
        """Validate groups without hosts; missing keys are no fault, since a future host may have them."""
        used = {name for layer in self.hosts.values() for name in self.lineage(layer)}
        bare = [layer for name, layer in self.groups.items() if name not in used]
        for layer in bare if self.hosts else [*bare, self.defaults]:
            for key, tree in layer.part("data").items():
                if self._is_section(key) and tree.value is not None:
                    former_of([tree], self.faults)
                    validate(self.models[key], without_until(tree), self.site, self.faults, partly=True)

    def _ancestors(self, layer: InventoryLayer) -> set[str]:
        seen: set[str] = set()
        todo = list(layer.groups)
        while todo:
            name = todo.pop()
            if name in self.groups and name not in seen:
                seen.add(name)
                todo.extend(self.groups[name].groups)
        return seen

    def lineage(self, layer: InventoryLayer) -> list[str]:
        """List the groups of a host in Nornir's order: its own first, each before its parents."""
        if layer.groups not in self._lineages:
            self._lineages[layer.groups] = self._lineage(layer, ())
        return self._lineages[layer.groups]

    def _lineage(self, layer: InventoryLayer, above: tuple[str, ...]) -> list[str]:
        names: list[str] = []
        for name in layer.groups:
            if name in self.groups and name not in above:
                names += [name, *self._lineage(self.groups[name], (*above, name))]
        return list(dict.fromkeys(names))

    def _inherited_by(self, layer: InventoryLayer) -> Inheritance:
        if layer.groups not in self._inheritances:
            layers = (*(self.groups[group] for group in self.lineage(layer)), self.defaults)
            keys = dict.fromkeys(key for one in layers for key in one.part("data"))
            self._inheritances[layer.groups] = Inheritance(layers, tuple(keys))
        return self._inheritances[layer.groups]

    def facts(self, name: str) -> HostFacts:
        """Return one host merged with everything it inherits; the nearest value wins.

        Values that hosts do not change are one object for all hosts that inherit the same.
        """
        host = self.hosts[name]
        inherited = self._inherited_by(host)
        data = {key: self._value(key, host, inherited) for key in dict.fromkeys((*host.part("data"), *inherited.keys))}
        if former := dict(self._former((host, *inherited.layers), data)):
            data[FORMER] = former
        return HostFacts(
            host.entry if isinstance(host.entry, InventoryEntry) else InventoryEntry(),
            self._connections(host, inherited),
            {key: value for key, value in data.items() if value is not None},
            host.tree.source,
        )

    def merged(self, name: str) -> Tree:
        """Return all that one host has, each value with its place: its entry over its groups and the defaults."""
        host = self.hosts[name]
        layers = (host, *self._inherited_by(host).layers)
        found = {key: tree for layer in reversed(layers) for key, tree in layer.tree.items.items() if key != "groups"}
        if "groups" in host.tree.items:
            found["groups"] = host.tree.items["groups"]
        for part in ("connection_options", "data"):
            keys = dict.fromkeys(key for layer in layers for key in layer.part(part))
            trees = {key: list(_until_null(layer.part(part).get(key) for layer in layers)) for key in keys}
            whole = {key: reduce(merge, reversed(those)) for key, those in trees.items() if those}
            found.pop(part, None)
            if whole:
                found[part] = Tree(host.tree.source, whole)
        return Tree(host.tree.source, found)

    def _former(
        self, layers: Sequence[InventoryLayer], data: Mapping[str, object]
    ) -> Iterator[tuple[str, FormerSettings]]:
        """Yield the sections that have former values, with those."""
        for key in data:
            trees = list(_until_null(layer.part("data").get(key) for layer in layers)) if self._is_section(key) else []
            if not any(UNTIL in tree.items for tree in trees):
                continue
            present = [without_until(tree) for tree in trees]
            if found := former_of(trees, self.faults):
                day, values = found
                if settings := validate(self.models[key], over(present, values), self.site, self.faults):
                    yield key, FormerSettings(day, settings)

    def _value(self, key: str, host: InventoryLayer, inherited: Inheritance) -> object:
        """Return one key of a host's data."""
        if key in host.part("data") or not self._is_section(key):
            return self._merged(key, (host, *inherited.layers))
        if key not in inherited.data:
            inherited.data[key] = self._merged(key, inherited.layers)
        return inherited.data[key]

    def _merged(self, key: str, layers: Sequence[InventoryLayer]) -> object:
        """Return one key of data, merged over the layers; a null discards the values of lower layers."""
        trees = list(_until_null(layer.part("data").get(key) for layer in layers))
        if not trees:
            return None
        if key == HOST_KEY:
            tree = Tree(trees[0].source, {HOST_KEY: trees[0]})
            pinned = validate(PinnedHostKeys, tree, self.site, self.faults)
            return pinned.ssh_host_key if pinned else None
        if self._is_section(key):
            return self._shared.of(self.models[key], [without_until(tree) for tree in trees])
        return reduce(merge, reversed(trees)).plain()

    def _connections(self, host: InventoryLayer, inherited: Inheritance) -> dict[str, ConnectionEntry]:
        if host.part("connection_options"):
            return self._merged_connections((host, *inherited.layers))
        if not inherited.connections:
            inherited.connections.update(self._merged_connections(inherited.layers))
        return dict(inherited.connections)

    def _merged_connections(self, layers: Sequence[InventoryLayer]) -> dict[str, ConnectionEntry]:
        names = dict.fromkeys(name for layer in layers for name in layer.part("connection_options"))
        trees = {
            name: list(_until_null(layer.part("connection_options").get(name) for layer in layers)) for name in names
        }
        made = {name: self._shared.of(ConnectionEntry, found) for name, found in trees.items() if found}
        return {name: connection for name, connection in made.items() if connection}


def _until_null(trees: Iterator[Tree | None]) -> Iterator[Tree]:
    for tree in trees:
        if tree is not None:
            if tree.value is None:
                return
            yield tree


def _layers(tree: Tree, site: Path, faults: InputFaults) -> dict[str, InventoryLayer]:
    if tree.value is not None and not isinstance(tree.value, dict):
        faults.add(tree.source, "must be a mapping: names with their keys below them")
    for name, below in tree.items.items():
        if not NAME.fullmatch(name):
            faults.add(below.source, "not a name; letters, digits, hyphens, dots and underscores are")
    return {name: _layer(InventoryEntry, below, site, faults) for name, below in tree.items.items()}


def _layer(kind: type[EntryType], tree: Tree, site: Path, faults: InputFaults) -> InventoryLayer:
    """Validate one entry; keys without a value are ignored."""
    if isinstance(tree.value, dict):
        written = Tree(tree.source, {key: below for key, below in tree.value.items() if below.value is not None})
    else:
        written = tree if tree.value is not None else Tree(tree.source, {})
    return InventoryLayer(written, validate(kind, written, site, faults) or kind())
