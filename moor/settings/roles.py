"""Checks that the inventory has the hosts that its sections need, such as one host for Harbor."""

from __future__ import annotations

from moor.settings.document import InputFaults
from moor.settings.fleet import Fleet
from moor.settings.modules import concern_of

HARBOR, OUTSIDERS = "harbor", "outsiders"
WORKING = ("harbor", "nodes", "control_plane", "workstations", "dns", "devices")  # groups in which hosts are changed

RoleFaults = dict[str, list[str]]


def find_role_faults(fleet: Fleet) -> RoleFaults:
    """Return, by concern, the faults of the hosts it needs: none at all, or two where one is allowed.

    Only runs of the concern itself are refused for them.
    """
    groups = {name: fleet.lineage(layer) for name, layer in fleet.hosts.items()}
    used = {group for lineage in groups.values() for group in lineage}
    found = {HARBOR: _surplus_hosts(fleet, [name for name, lineage in groups.items() if HARBOR in lineage])}
    for key in fleet.written_sections():
        model = fleet.models[key]
        if model.done_on and model.done_on not in used:
            concern = concern_of(model.__module__)
            found[concern] = [*found.get(concern, ()), *_sections_without_host(fleet, used, key, model.done_on)]
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
    for layer in (*fleet.hosts.values(), *(fleet.groups[name] for name in used), fleet.defaults):
        tree = layer.part("data").get(key)
        if tree and tree.value:
            faults.add(tree.source, f"no host is in group {group}, which does this; put one into it, or drop {key}")
    return faults.lines()
