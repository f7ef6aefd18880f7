"""Whether a host's plan is still the one that was saved, decided without contacting anybody."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from moor.engine.fingerprints import FieldChange
from moor.plans.saved import PlannedChange, PlannedHost, SavedPlan, changes_by_host

Refusals = dict[str, list[str]]  # by host, what differs from the saved plan


def refusals(saved: SavedPlan, now: SavedPlan, begun: Collection[str] = ()) -> Refusals:
    """Return what differs from the saved plan, by host; what is done already is no difference.

    Args:
        saved: the plan to apply.
        now: the plan of the same scope, made now with the keys of the saved one.
        begun: hosts on which an apply of the saved plan has begun and not ended.
    """
    planned, present = changes_by_host(saved.changes), changes_by_host(now.changes)
    found = {
        name: list(_host(saved.hosts[name], host))
        or list(_changes(planned.get(name, {}), present.get(name, {}), name in begun))
        for name, host in now.hosts.items()
        if name in saved.hosts and not host.error
    }
    return {name: lines for name, lines in found.items() if lines}


def _host(former: PlannedHost, present: PlannedHost) -> Iterator[str]:
    if former.error:
        yield "it could not be planned when the plan was saved"
    elif former.address != present.address:
        yield f"its address was {former.address} when the plan was saved, and is {present.address}"


def _changes(planned: Mapping[str, PlannedChange], present: Mapping[str, PlannedChange], begun: bool) -> Iterator[str]:
    for name, change in present.items():
        former = planned.get(name)
        if former is None:
            yield f"{name}: it would change now, and did not when the plan was saved"
            continue
        # What is no file, such as a service, is also changed by what was made before it.
        loose = begun and (former.absent or not former.writes)
        fields = {field.name: field for field in former.fields}
        for field in change.fields:
            if words := _field(fields.get(field.name), field, loose, former.derived):
                yield f"{name}: {field.name} {words}"


def _field(former: FieldChange | None, field: FieldChange, loose: bool, derived: bool) -> str:
    """Return how a field differs from the saved plan; empty if it does not.

    Args:
        former: the field as saved; None if it was as it should be.
        field: the field as it would change now.
        loose: the plan's own changes may have altered what the host has.
        derived: what the field becomes depends on what the host has.
    """
    if former is None:
        return "" if loose else "would change now, and would not when the plan was saved"
    altered = former.before != field.before
    if altered and not loose:
        return "was changed on the host since the plan was saved"
    same = former.later or (former.after, "") == (field.after, field.later)
    return "" if same or (altered and derived) else "would become something else than the plan says"
