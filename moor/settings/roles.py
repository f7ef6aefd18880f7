"""Who is there to do what the inventory asks for: what nobody does, and two hosts for what one does."""

from __future__ import annotations

from moor.settings.document import Findings
from moor.settings.fleet import Fleet
from moor.settings.section import Section

HARBOR = "harbor"
UNFILLED = "moor_unfilled"  # in the inventory's defaults: what is wrong, by the concern that it stops

Unfilled = dict[str, list[str]]


def unfilled(fleet: Fleet) -> Unfilled:
    """Say by concern what no host, or more than one, is there to do; only runs of that concern are stopped by it."""
    groups = {name: fleet.lineage(layer) for name, layer in fleet.hosts.items()}
    used = {group for lineage in groups.values() for group in lineage}
    found = {HARBOR: _too_many(fleet, [name for name, lineage in groups.items() if HARBOR in lineage])}
    for key, model in fleet.models.items():
        if model.done_on and model.done_on not in used:
            found[concern_of(model)] = _undone(fleet, used, key, model.done_on)
    return {concern: lines for concern, lines in found.items() if lines}


def concern_of(model: type[Section]) -> str:
    """Name the module of tasks that owns a section."""
    return model.__module__.removeprefix("tasks.").partition(".")[0]


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
