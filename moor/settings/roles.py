"""Who is there to do what the inventory asks for: what nobody does, and two hosts for what one does."""

from __future__ import annotations

from moor.settings.document import Findings
from moor.settings.fleet import Fleet
from moor.settings.modules import concern_of

HARBOR, OUTSIDERS = "harbor", "outsiders"
WORKING = ("harbor", "nodes", "control_plane", "workstations", "dns", "devices")  # groups in which hosts are changed

Unfilled = dict[str, list[str]]


def unfilled(fleet: Fleet) -> Unfilled:
    """Say by concern what no host, or more than one, is there to do; only runs of that concern are stopped by it."""
    groups = {name: fleet.lineage(layer) for name, layer in fleet.hosts.items()}
    used = {group for lineage in groups.values() for group in lineage}
    found = {HARBOR: _too_many(fleet, [name for name, lineage in groups.items() if HARBOR in lineage])}
    for key, model in fleet.models.items():
        if model.done_on and model.done_on not in used:
            found[concern_of(model.__module__)] = _undone(fleet, used, key, model.done_on)
    return {concern: lines for concern, lines in found.items() if lines}


def check_outsiders(fleet: Fleet) -> None:
    """Find hosts that are to be kept out and have work to do at once: nothing may be changed on them."""
    for layer in fleet.hosts.values():
        groups = fleet.lineage(layer)
        if OUTSIDERS in groups and (working := [name for name in WORKING if name in groups]):
            fleet.findings.add(
                layer.tree.place(("groups",)),
                f"the host is in group {OUTSIDERS}, on which nothing is changed, and in {', '.join(working)}; "
                f"take it out of {OUTSIDERS}, or out of the other",
            )


def _too_many(fleet: Fleet, names: list[str]) -> list[str]:
    findings = Findings()
    for name in names[1:]:
        place = fleet.hosts[name].tree.place(("groups",))
        findings.add(place, f"{names[0]} is in group {HARBOR} already, and one host runs Harbor; take one out")
    return findings.lines()


def _undone(fleet: Fleet, used: set[str], key: str, group: str) -> list[str]:
    findings = Findings()
    for layer in (*fleet.hosts.values(), *(fleet.groups[name] for name in used), fleet.defaults):
        tree = layer.part("data").get(key)
        if tree and tree.value:
            findings.add(tree.source, f"no host is in group {group}, which does this; put one into it, or drop {key}")
    return findings.lines()
