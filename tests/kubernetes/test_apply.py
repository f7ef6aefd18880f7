"""Server-side apply: merges, ownership of fields, and conflicts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moor_lab.kubernetes.standin import kinds, managers, schema
from moor_lab.kubernetes.standin.errors import ApiError
from moor_lab.kubernetes.standin.fields import decode, encode, flatten, spell
from moor_lab.kubernetes.standin.managers import Manager
from moor_lab.kubernetes.standin.objects import clone
from tests.kubernetes.conftest import Fleet
from tests.kubernetes.samples import deployment

DEPLOYMENT = schema.definition(kinds.DEPLOYMENT.definition)
Object = dict[str, Any]

names = st.sampled_from(["a", "b", "c"])
labels = st.dictionaries(names, st.sampled_from(["1", "2"]), max_size=3)
ports = st.lists(
    st.fixed_dictionaries({"containerPort": st.integers(1, 3)}, optional={"name": names}),
    max_size=3,
    unique_by=lambda port: port["containerPort"],
)
containers = st.lists(
    st.fixed_dictionaries(
        {"name": names, "image": st.sampled_from(["i:1", "i:2"])},
        optional={"ports": ports, "args": st.lists(names, max_size=2), "resources": st.just({"limits": {"cpu": "1"}})},
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda container: container["name"],
)


@st.composite
def configurations(draw: st.DrawFn) -> Object:
    """Return deployments as users might apply them; any part may be missing."""
    spec: Object = {}
    if draw(st.booleans()):
        spec["replicas"] = draw(st.integers(0, 3))
    if draw(st.booleans()):
        spec["template"] = {"metadata": {"labels": draw(labels)}, "spec": {"containers": draw(containers)}}
    return {"metadata": {"name": "web", "labels": draw(labels)}, "spec": spec}


def applied(live: Object, config: Object, who: str = "moor", force: bool = False) -> Object:
    return managers.apply(DEPLOYMENT, live, config, Manager(who, "Apply", "apps/v1"), force)


def values_of(obj: Object) -> dict[tuple[str, ...], str]:
    """Return all values of an object; empty maps do not count."""
    held = flatten(DEPLOYMENT, managers.tracked(obj))
    return {path: repr(value) for path, value in held.items() if value not in ({}, [])}


def fields_of(obj: Object, who: str) -> frozenset[tuple[str, ...]]:
    return next((one.fields for one in managers.read(obj) if one.name == who), frozenset())


@given(configurations())
def test_applying_twice_changes_nothing(config: Object) -> None:
    once = applied({}, config)
    assert applied(once, config) == once


@given(configurations(), configurations())
def test_what_was_applied_is_in_the_object(first: Object, second: Object) -> None:
    live = applied(applied({}, first), second)
    assert values_of(second).items() <= values_of(live).items()


@given(configurations(), configurations())
def test_what_is_applied_no_more_is_gone(first: Object, second: Object) -> None:
    live = applied(applied({}, first), second)
    assert set(values_of(live)) == set(values_of(second))


@given(configurations(), configurations())
def test_what_one_manager_stops_applying_stays_if_another_applies_it(mine: Object, theirs: Object) -> None:
    both = applied(applied({}, mine, "moor", force=True), theirs, "other", force=True)
    left = applied(both, {"metadata": {"name": "web"}}, "moor", force=True)
    assert values_of(theirs).items() <= values_of(left).items()


@given(configurations(), configurations())
def test_an_apply_without_force_changes_nothing_of_others_or_is_refused(mine: Object, theirs: Object) -> None:
    live = applied({}, mine)
    try:
        after = applied(live, theirs, "other")
    except ApiError:
        return
    assert values_of(mine).items() <= values_of(after).items()


@given(configurations(), configurations())
def test_a_forced_apply_takes_the_fields_that_it_changes(mine: Object, theirs: Object) -> None:
    live = applied({}, mine)
    after = applied(live, theirs, "other", force=True)
    before, now = flatten(DEPLOYMENT, managers.tracked(live)), flatten(DEPLOYMENT, managers.tracked(after))
    changed = {path for path in now if path not in before or before[path] != now[path]}
    assert not changed & fields_of(after, "moor")


@given(configurations())
@settings(max_examples=50)
def test_a_set_of_fields_survives_its_writing(config: Object) -> None:
    fields = frozenset(flatten(DEPLOYMENT, managers.tracked(config)))
    assert decode(encode(fields)) == fields


def test_a_conflict_names_the_other_manager_and_the_field(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(replicas=2))
    with pytest.raises(ApiError) as refused:
        fleet.apply(kinds.DEPLOYMENT, deployment(replicas=5), "hpa")
    assert str(refused.value) == 'Apply failed with 1 conflict: conflict with "test": .spec.replicas'
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "test"', "field": ".spec.replicas"}
    assert refused.value.status["details"]["causes"] == [cause]
    assert fleet.deployment()["spec"]["replicas"] == 2


def test_two_conflicts_are_told_at_once(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(replicas=2))
    with pytest.raises(ApiError) as refused:
        fleet.apply(kinds.DEPLOYMENT, deployment("registry.test/demo/web:2", 5), "other")
    assert str(refused.value) == (
        'Apply failed with 2 conflicts: conflicts with "test":\n'
        "- .spec.replicas\n"
        '- .spec.template.spec.containers[name="web"].image'
    )


def test_force_takes_a_field_from_its_owner(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(replicas=2))
    fleet.apply(kinds.DEPLOYMENT, deployment(replicas=5), "other", force=True)
    live = fleet.deployment()
    assert live["spec"]["replicas"] == 5
    assert ("f:spec", "f:replicas") not in fields_of(live, "test")
    assert ("f:spec", "f:replicas") in fields_of(live, "other")


def test_the_same_value_may_have_two_owners(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(replicas=2))
    fleet.apply(kinds.DEPLOYMENT, deployment(replicas=2), "other")
    assert ("f:spec", "f:replicas") in fields_of(fleet.deployment(), "test")


def test_a_dropped_field_falls_back_to_its_default(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(replicas=5))
    config = deployment()
    del config["spec"]["replicas"]
    fleet.apply(kinds.DEPLOYMENT, config)
    assert fleet.deployment()["spec"]["replicas"] == 1


def test_a_dropped_block_takes_its_defaults_along(fleet: Fleet) -> None:
    config = deployment()
    probe = {"httpGet": {"path": "/healthz", "port": 8080}}
    config["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
    fleet.apply(kinds.DEPLOYMENT, config)
    fleet.apply(kinds.DEPLOYMENT, deployment())
    assert "readinessProbe" not in fleet.deployment()["spec"]["template"]["spec"]["containers"][0]


def test_a_container_of_another_manager_stays(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment())
    sidecar = deployment()
    sidecar["spec"]["template"]["spec"]["containers"] = [{"name": "sidecar", "image": "registry.test/log:1"}]
    fleet.apply(kinds.DEPLOYMENT, sidecar, "injector")
    fleet.apply(kinds.DEPLOYMENT, deployment("registry.test/demo/web:2"))
    found = fleet.deployment()["spec"]["template"]["spec"]["containers"]
    assert [one["name"] for one in found] == ["web", "sidecar"]
    assert found[0]["image"] == "registry.test/demo/web:2"


def test_an_apply_that_changes_nothing_is_no_write(fleet: Fleet) -> None:
    before = fleet.apply(kinds.DEPLOYMENT, deployment())
    fleet.clock.turn(60)
    assert fleet.apply(kinds.DEPLOYMENT, deployment()) == before


def test_a_dry_run_shows_the_outcome_and_writes_nothing(fleet: Fleet) -> None:
    fleet.apply(kinds.DEPLOYMENT, deployment(replicas=2))
    before = fleet.deployment()
    after = fleet.apply(kinds.DEPLOYMENT, deployment(replicas=7), dry_run=True)
    assert (after["spec"]["replicas"], after["metadata"]["generation"]) == (7, 2)
    assert fleet.deployment() == before


def test_a_dry_run_of_something_new_shows_its_defaults(fleet: Fleet) -> None:
    after = fleet.apply(kinds.DEPLOYMENT, deployment(), dry_run=True)
    assert after["spec"]["progressDeadlineSeconds"] == 600
    assert fleet.cluster.store.find(kinds.DEPLOYMENT, "demo", "web") is None


def test_fields_are_spelled_as_kubectl_shows_them() -> None:
    path = ("f:spec", 'k:{"containerPort":80,"protocol":"TCP"}', 'v:"x"')
    assert spell(path) == '.spec[containerPort=80,protocol="TCP"][="x"]'


def test_an_update_takes_ownership_of_what_it_changes(fleet: Fleet) -> None:
    live = clone(fleet.apply(kinds.DEPLOYMENT, deployment(replicas=2)))
    live["spec"]["replicas"] = 4
    fleet.cluster.update(kinds.DEPLOYMENT, "demo", "web", live)
    with pytest.raises(ApiError) as refused:
        fleet.apply(kinds.DEPLOYMENT, deployment(replicas=2))
    assert 'conflict with "moor-lab-controllers" using apps/v1' in str(refused.value)
