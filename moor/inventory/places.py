"""The file and line of a key of ``data``, looked up when an error is about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nornir.core.inventory import Host

from moor.context import context_of
from moor.errors import InputError
from moor.settings.config import read_config
from moor.settings.document import InputFaults, Source, Tree, load_yaml

DATA = "data."


def with_places(faults: Mapping[str, Host]) -> list[str]:
    """Return errors with file and line of the key that they begin with: ``data.harbor.installer``, ``fw1.platform``.

    Errors that begin otherwise, and those about keys that no file has, stay as they are.

    Args:
        faults: the errors, each with a host whose data it is about.
    """
    placed = [host for line, host in faults.items() if _keys(line, host)]
    if not placed or not (site := context_of(placed[0]).site):
        return list(faults)
    try:
        files = InventoryTrees.of_site(site.directory)
    except (InputError, OSError):  # they have changed since
        return list(faults)
    return [f"{_place(files, line, host)}{line}" for line, host in faults.items()]


@dataclass(frozen=True)
class InventoryTrees:
    """The inventory's three files as trees."""

    hosts: Tree
    groups: Tree
    defaults: Tree

    @classmethod
    def of_site(cls, site: Path) -> InventoryTrees:
        """Read the files of a site; raise InputError if they cannot be read."""
        files = read_config(site).inventory.options
        return cls(*(_load(site, name) for name in (files.host_file, files.group_file, files.defaults_file)))

    def layers(self, host: Host) -> Iterator[Tree]:
        """Yield the entries that a host's data are merged from, the nearest first."""
        yield from (self.hosts.items[name] for name in [host.name] if name in self.hosts.items)
        named = (group.name for group in host.extended_groups())
        yield from (self.groups.items[name] for name in named if name in self.groups.items)
        yield self.defaults


def _load(site: Path, name: str) -> Tree:
    path = site / name
    return load_yaml(path, name, InputFaults()) if path.exists() else Tree(Source(name, 1), {})


def _place(files: InventoryTrees, line: str, host: Host) -> str:
    """Return ``FILE:LINE: `` of the key that ``line`` begins with; empty if no file has it."""
    keys = _keys(line, host)
    for layer in files.layers(host) if keys else ():
        if found := _find(layer, keys):
            return f"{found.where}: "
    return ""


def _keys(line: str, host: Host) -> str:
    """Return ``line`` from the first key of the host's entry on; empty if it does not begin with keys."""
    own = f"{host.name}."
    return line.removeprefix(own) if line.startswith((own, DATA)) else ""


def _find(tree: Tree, line: str) -> Source | None:
    """Return the place of the whole path of keys that ``line`` begins with; None if the tree lacks it."""
    found, rest = tree, line
    while key := max((key for key in found.items if rest.startswith((f"{key}.", f"{key}: "))), key=len, default=""):
        found, rest = found.items[key], rest[len(key) + 1 :]
        if rest.startswith(" "):
            return found.source
    return None
