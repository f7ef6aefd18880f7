"""Checks that the inventory has the hosts that its sections need, such as one host for Harbor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nornir.core.inventory import Host

from moor.settings.active import ActiveRegistry
from moor.settings.document import InputFaults, Tree
from moor.settings.fleet import Fleet
from moor.settings.modules import concern_of

HARBOR, OUTSIDERS, DEVICES, CLUSTERS = "harbor", "outsiders", "devices", "clusters"
HTTPS = 443
REGISTRY = "registry"  # the section that names the standby
# Groups in which hosts are changed.
WORKING = (HARBOR, "nodes", "control_plane", "workstations", "dns", DEVICES, CLUSTERS)
# In this order, a host is looked for on whose behalf the controller asks a registry that no host of the inventory runs.
ASKING = (HARBOR, "control_plane", "nodes", "workstations", CLUSTERS)

RoleFaults = dict[str, list[str]]


def name_registries(hosts: Iterable[Host]) -> str:
    """Return the names of the registries that hosts use, with commas, each with its port unless that is 443."""
    sections = {id(section): section for host in hosts if (section := host.data.get(REGISTRY))}.values()
    places = {(str(getattr(one, "name", "")), getattr(one, "port", HTTPS)) for one in sections}
    return ", ".join(name if port == HTTPS else f"{name}:{port}" for name, port in sorted(places) if name)


@dataclass(frozen=True)
class RegistryRole:
    """Who runs the registry.

    Attributes:
        is_own: moor does, on a host of group harbor; otherwise somebody else does, and moor only uses it
        host: the host for which the controller asks the registry; empty if moor runs it
        is_written: the inventory says in words that somebody else does
        pair: the hosts of two registries, the first one's before the standby's; empty if there is one registry
        serving: the host of ``pair`` that serves the registry's name; empty if there is one registry
    """

    is_own: bool
    host: str = ""
    is_written: bool = False
    pair: tuple[str, ...] = ()
    serving: str = ""


def registry_role_of(
    fleet: Fleet, data: Mapping[str, Mapping[str, Any]], active: ActiveRegistry | None = None
) -> RegistryRole:
    """Return who runs the registry.

    Args:
        data: of each host, its merged sections
        active: which of two registries serves
    """
    groups = {name: fleet.lineage(layer) for name, layer in fleet.hosts.items()}
    serving = [name for name, lineage in groups.items() if HARBOR in lineage]
    if any(getattr(data[name].get(HARBOR), "managed", True) for name in serving):
        pair = _pair_of(serving, data)
        named = active.serving if active else ""
        return RegistryRole(is_own=True, pair=pair, serving=named if named in pair else next(iter(pair), ""))
    reached = [name for name, lineage in groups.items() if not {OUTSIDERS, DEVICES} & set(lineage)]
    ranked = [name for group in ASKING for name in reached if group in groups[name]]
    used = {group for lineage in groups.values() for group in lineage}
    managed = (tree.items.get("managed") for tree in _sections(fleet, used, HARBOR))
    written = any(tree is not None and tree.value is False for tree in managed)
    return RegistryRole(is_own=False, host=next(iter([*ranked, *reached]), ""), is_written=written)


def _pair_of(serving: list[str], data: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the hosts of the first registry and of its standby; empty unless there are these two."""
    standby = {name for name in serving if name in {_standby_of(data[other]) for other in serving}}
    firsts = [name for name in serving if name not in standby]
    return (*firsts[:1], *standby) if len(standby) == 1 and firsts else ()


def _standby_of(data: Mapping[str, Any]) -> str:
    """Return the host of the standby that a host's registry has; empty without one."""
    return getattr(getattr(data.get(REGISTRY), "standby", None), "host", "")


def serve_by_standby(data: Mapping[str, dict[str, Any]], role: RegistryRole) -> None:
    """Exchange the addresses of the two registries in the settings of all hosts, if the standby serves.

    Settings that hosts share stay one object.
    """
    if not role.pair or role.serving == role.pair[0]:
        return
    moved: dict[int, Any] = {}
    for sections in data.values():
        if REGISTRY in sections:
            found = sections[REGISTRY]
            moved.setdefault(id(found), found.served_by_standby(role.pair[0]))
            sections[REGISTRY] = moved[id(found)]


def check_active(active: ActiveRegistry, tree: Tree, role: RegistryRole, faults: InputFaults) -> None:
    """Add a fault for each host of active.yaml that is none of the two registries."""
    for key, name in active.model_dump().items():
        if name and name not in role.pair:
            known = f"one of {' and '.join(role.pair)}" if role.pair else "the inventory has one registry alone"
            faults.add(
                tree.place((key,)),
                f"{name} is no registry host with a standby: {known}; correct it, or delete the file if the registry "
                "of data.registry.address serves",
            )


def find_role_faults(fleet: Fleet, role: RegistryRole) -> RoleFaults:
    """Return, by concern, the faults of the hosts it needs: none at all, or two where one is allowed.

    Only runs of the concern itself are refused for them.
    """
    groups = {name: fleet.lineage(layer) for name, layer in fleet.hosts.items()}
    used = {group for lineage in groups.values() for group in lineage}
    serving = [name for name, lineage in groups.items() if HARBOR in lineage]
    found = {HARBOR: [*_surplus_hosts(fleet, serving, role), *_standby_faults(fleet, used, serving, role)]}
    for key in fleet.written_sections():
        model = fleet.models[key]
        concern = concern_of(model.__module__)
        if model.done_on and used.isdisjoint(model.done_on):
            found[concern] = [*found.get(concern, ()), *_sections_without_host(fleet, used, key, model.done_on)]
        if model.of_own_registry and not role.is_own:
            keys = _keys_without_registry(fleet, used, key, model.of_own_registry)
            found[concern] = [*found.get(concern, ()), *keys]
    return {concern: lines for concern, lines in found.items() if lines}


def check_exclusive_groups(fleet: Fleet) -> None:
    """Add a fault for each host in groups that exclude each other.

    Nothing is changed on one of ``outsiders``, and nobody logs in to one of ``clusters``.
    """
    for layer in fleet.hosts.values():
        groups = fleet.lineage(layer)
        if OUTSIDERS in groups and (working := [name for name in WORKING if name in groups]):
            fleet.faults.add(
                layer.tree.place(("groups",)),
                f"the host is in group {OUTSIDERS}, on which nothing is changed, and in {', '.join(working)}; "
                f"take it out of {OUTSIDERS}, or out of the other",
            )
        if CLUSTERS in groups and (others := [name for name in WORKING if name in groups and name != CLUSTERS]):
            fleet.faults.add(
                layer.tree.place(("groups",)),
                f"the host is in group {CLUSTERS}, which is for a cluster that is reached by its API alone, and in "
                f"{', '.join(others)}; take it out of one of them",
            )


def _surplus_hosts(fleet: Fleet, names: list[str], role: RegistryRole) -> list[str]:
    faults = InputFaults()
    known = role.pair or tuple(names[:1])
    for name in (name for name in names if name not in known):
        place = fleet.hosts[name].tree.place(("groups",))
        words = f"{' and '.join(known)} {'are' if role.pair else 'is'} in group {HARBOR} already"
        more = "" if role.pair else ", or name the second one in data.registry.standby (docs/two-registries.md)"
        number = "one host and a standby run" if role.pair else "one host runs"
        faults.add(place, f"{words}, and {number} Harbor; take one out{more}")
    return faults.lines()


def _standby_faults(fleet: Fleet, used: set[str], serving: list[str], role: RegistryRole) -> list[str]:
    """Return a line for each place that names a standby which is no host of group harbor beside another one."""
    faults = InputFaults()
    for tree in _sections(fleet, used, REGISTRY):
        standby = tree.items.get("standby")
        host = standby.items.get("host") if standby and standby.value else None
        if host is None or str(host.value) in role.pair[1:] or not role.is_own:
            continue
        if str(host.value) in serving:
            words = f"{host.value} is the only host of group {HARBOR}; put the first one into it too"
        else:
            words = f"no host of group {HARBOR} is called {host.value}; put the standby's host into it"
        faults.add(host.source, words)
    return faults.lines()


def _sections_without_host(fleet: Fleet, used: set[str], key: str, groups: tuple[str, ...]) -> list[str]:
    faults = InputFaults()
    for tree in _sections(fleet, used, key):
        named = " or ".join(groups)
        faults.add(tree.source, f"no host is in group {named}, which does this; put one into it, or drop {key}")
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
