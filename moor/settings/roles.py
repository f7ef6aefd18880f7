"""Checks that the inventory has the hosts that its sections need, such as one host for Harbor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moor.settings.document import InputFaults, Tree
from moor.settings.fleet import Fleet
from moor.settings.modules import concern_of

HARBOR, OUTSIDERS, DEVICES = "harbor", "outsiders", "devices"
# Groups in which hosts are changed.
WORKING = (HARBOR, "nodes", "control_plane", "workstations", "dns", DEVICES)
# In this order, a host is looked for on whose behalf the controller asks a registry that no host of the inventory runs.
ASKING = (HARBOR, "control_plane", "nodes", "workstations")

RoleFaults = dict[str, list[str]]


@dataclass(frozen=True)
class RegistryRole:
    """Who runs the registry.

    Attributes:
        is_own: moor does, on a host of group harbor; otherwise somebody else does, and moor only uses it
        host: the host for which the controller asks the registry; empty if moor runs it
        is_written: the inventory says in words that somebody else does
    """

    is_own: bool
    host: str = ""
    is_written: bool = False


def registry_role_of(fleet: Fleet, data: Mapping[str, Mapping[str, Any]]) -> RegistryRole:
    """Return who runs the registry.

    Args:
        data: of each host, its merged sections
    """
    groups = {name: fleet.lineage(layer) for name, layer in fleet.hosts.items()}
    serving = [name for name, lineage in groups.items() if HARBOR in lineage]
    if any(getattr(data[name].get(HARBOR), "managed", True) for name in serving):
        return RegistryRole(is_own=True)
    reached = [name for name, lineage in groups.items() if not {OUTSIDERS, DEVICES} & set(lineage)]
    ranked = [name for group in ASKING for name in reached if group in groups[name]]
    used = {group for lineage in groups.values() for group in lineage}
    managed = (tree.items.get("managed") for tree in _sections(fleet, used, HARBOR))
    written = any(tree is not None and tree.value is False for tree in managed)
    return RegistryRole(is_own=False, host=next(iter([*ranked, *reached]), ""), is_written=written)


def find_role_faults(fleet: Fleet, role: RegistryRole) -> RoleFaults:
    """Return, by concern, the faults of the hosts it needs: none at all, or two where one is allowed.

    Only runs of the concern itself are refused for them.
    """
    groups = {name: fleet.lineage(layer) for name, layer in fleet.hosts.items()}
    used = {group for lineage in groups.values() for group in lineage}
    found = {HARBOR: _surplus_hosts(fleet, [name for name, lineage in groups.items() if HARBOR in lineage])}
    for key in fleet.written_sections():
        model = fleet.models[key]
        concern = concern_of(model.__module__)
        if model.done_on and model.done_on not in used:
            found[concern] = [*found.get(concern, ()), *_sections_without_host(fleet, used, key, model.done_on)]
        if model.of_own_registry and not role.is_own:
            keys = _keys_without_registry(fleet, used, key, model.of_own_registry)
            found[concern] = [*found.get(concern, ()), *keys]
    return {concern: lines for concern, lines in found.items() if lines}


def check_outsiders(fleet: Fleet) -> None:
    """Add a fault for each host in group ``outsiders``, which moor never changes, that is also in a working group."""
    for layer in fleet.hosts.values():
        groups = fleet.lineage(layer)
        if OUTSIDERS in groups and (working := [name for name in WORKING if name in groups]):
            fleet.faults.add(
                layer.tree.place(("groups",)),
                f"the host is in group {OUTSIDERS}, on which nothing is changed, and in {', '.join(working)}; "
                f"take it out of {OUTSIDERS}, or out of the other",
            )


def _surplus_hosts(fleet: Fleet, names: list[str]) -> list[str]:
    faults = InputFaults()
    for name in names[1:]:
        place = fleet.hosts[name].tree.place(("groups",))
        faults.add(place, f"{names[0]} is in group {HARBOR} already, and one host runs Harbor; take one out")
    return faults.lines()


def _sections_without_host(fleet: Fleet, used: set[str], key: str, group: str) -> list[str]:
    faults = InputFaults()
    for tree in _sections(fleet, used, key):
        faults.add(tree.source, f"no host is in group {group}, which does this; put one into it, or drop {key}")
    return faults.lines()


def add_misplaced_keys(fleet: Fleet, role: RegistryRole, faults: InputFaults) -> None:
    """Add a fault for each key of any section that only counts where moor runs the registry, if somebody else does.

    It is for an inventory with other faults, which may be why no host seems to run it: only written words count.
    """
    used = {group for layer in fleet.hosts.values() for group in fleet.lineage(layer)}
    for section in fleet.written_sections() if role.is_written else ():
        _add_keys(fleet, used, section, fleet.models[section].of_own_registry, faults)


def _keys_without_registry(fleet: Fleet, used: set[str], section: str, keys: tuple[str, ...]) -> list[str]:
    faults = InputFaults()
    _add_keys(fleet, used, section, keys, faults)
    return faults.lines()


def _add_keys(fleet: Fleet, used: set[str], section: str, keys: tuple[str, ...], faults: InputFaults) -> None:
    for tree in _sections(fleet, used, section):
        for key in (key for key in keys if key in tree.items):
            faults.add(
                tree.items[key].source,
                f"it only counts where moor runs the registry, and no host of group {HARBOR} does; drop {key} if "
                f"somebody else runs it (docs/existing-registry.md), or put the host that does into group {HARBOR}",
            )


def _sections(fleet: Fleet, used: set[str], key: str) -> Iterator[Tree]:
    """Yield a section wherever it is written for a host, a group with hosts, or all."""
    for layer in (*fleet.hosts.values(), *(fleet.groups[name] for name in used), fleet.defaults):
        tree = layer.part("data").get(key)
        if tree and tree.value:
            yield tree
