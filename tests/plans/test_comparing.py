"""What of a plan is still as it was saved, for any plan."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from moor.engine.fingerprints import FieldChange
from moor.plans.comparing import refusals
from moor.plans.saved import PlannedChange, PlannedHost, PlanScope, SavedPlan, report_of

HOSTS = ("alpha", "beta")
WORDS = st.sampled_from(("", "aa", "bb"))
FIELDS = st.builds(FieldChange, st.sampled_from(("mode", "content")), WORDS, WORDS, st.sampled_from(("", "a key")))


def change(name: str, fields: list[FieldChange], hosts: tuple[str, ...], flags: tuple[bool, bool]) -> PlannedChange:
    return PlannedChange(name, "file", "stage", "drift", "", "", None, *flags, False, tuple(fields), hosts)


CHANGES = st.builds(
    change,
    st.sampled_from(("file:/one", "file:/two", "service:three")),
    st.lists(FIELDS, min_size=1, max_size=2, unique_by=lambda field: field.name),
    st.sampled_from((HOSTS, HOSTS[:1])),
    st.tuples(st.booleans(), st.booleans()),
)
PLANS = st.lists(CHANGES, max_size=3, unique_by=lambda one: one.id).map(
    lambda changes: SavedPlan(
        "p", "1", "2026-11-28T08:00:00+00:00", "fleet", PlanScope("site"), planned(HOSTS), tuple(changes)
    )
)


def planned(names: tuple[str, ...]) -> dict[str, PlannedHost]:
    return {name: PlannedHost(f"10.0.0.{at}", 3) for at, name in enumerate(names)}


@given(PLANS, st.booleans())
def test_a_plan_is_as_it_was_saved_and_so_is_one_of_which_something_is_done(plan: SavedPlan, begun: bool) -> None:
    hosts = HOSTS if begun else ()
    assert refusals(plan, plan, hosts) == {}
    assert refusals(plan, replace(plan, changes=plan.changes[1:]), hosts) == {}


@given(PLANS, CHANGES, st.booleans())
def test_what_is_not_in_the_plan_is_refused_on_its_hosts_alone(
    plan: SavedPlan, more: PlannedChange, begun: bool
) -> None:
    other = replace(more, id="file:/more")
    found = refusals(plan, replace(plan, changes=(*plan.changes, other)), HOSTS if begun else ())
    assert set(found) == set(other.hosts)
    assert all("file:/more: it would change now" in line for lines in found.values() for line in lines)


@given(PLANS)
def test_another_desired_value_is_refused_also_where_an_apply_has_begun(plan: SavedPlan) -> None:
    def otherwise(field: FieldChange) -> FieldChange:
        return replace(field, after="cc", later="")

    now = replace(plan, changes=tuple(replace(c, fields=tuple(map(otherwise, c.fields))) for c in plan.changes))
    known = {name for c in plan.changes for name in c.hosts if any(not field.later for field in c.fields)}
    assert set(refusals(plan, now, HOSTS)) == known


@given(PLANS)
def test_another_actual_value_is_refused_and_forgiven_only_where_the_plan_itself_may_have_made_it(
    plan: SavedPlan,
) -> None:
    now = replace(
        plan,
        changes=tuple(replace(c, fields=tuple(replace(f, before="cc") for f in c.fields)) for c in plan.changes),
    )
    assert set(refusals(plan, now)) == {name for c in plan.changes for name in c.hosts}
    strict = {name for c in plan.changes for name in c.hosts if c.writes and not c.absent}
    assert set(refusals(plan, now, HOSTS)) == strict


@given(PLANS)
def test_the_report_of_a_plan_has_each_change_on_each_of_its_hosts(plan: SavedPlan) -> None:
    report = report_of(plan)
    for name, host in report.hosts.items():
        assert host.count("ok") == 3
        assert [one.id for one in host.resources if one.status == "drift"] == [
            change.id for change in plan.changes if name in change.hosts
        ]


def test_what_somebody_holds_is_no_part_of_the_plan() -> None:
    one = change("file:/a", [FieldChange("content", "aa", "bb")], HOSTS, (True, False))
    held = replace(one, status="held", fields=(), held="by me until spring")
    plan = SavedPlan("p", "1", "2026-11-28T08:00:00+00:00", "fleet", PlanScope("site"), planned(HOSTS), (held,))
    freed = replace(plan, changes=(one,))
    assert (refusals(plan, plan), refusals(freed, plan)) == ({}, {})
    assert set(refusals(plan, freed, HOSTS)) == set(HOSTS), "it was held when the plan was saved"


def test_a_part_of_a_file_that_an_earlier_change_has_brought_is_as_planned() -> None:
    """An edit of a file that was not there, when a package has brought it meanwhile: its whole content is another."""
    made = replace(change("edit:/etc/a#x", [FieldChange("content", "", "aa")], HOSTS, (True, True)), derived=True)
    now = replace(made, fields=(FieldChange("content", "bb", "cc"),), absent=False)
    plan = SavedPlan("p", "1", "2026-11-28T08:00:00+00:00", "fleet", PlanScope("site"), planned(HOSTS), (made,))
    assert set(refusals(plan, replace(plan, changes=(now,)), HOSTS[:1])) == {"beta"}
    there = replace(plan, changes=(replace(made, absent=False),))
    assert set(refusals(there, replace(plan, changes=(now,)), HOSTS)) == set(HOSTS), "it was there and was changed"
