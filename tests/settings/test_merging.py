"""Merging many hosts gives each what the plain definition gives it, and validates equal settings once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.settings import Section
from moor.settings.document import InputFaults, Source, tree_of
from moor.settings.entries import ConnectionEntry
from moor.settings.fleet import Fleet
from moor.settings.shared_models import content_of
from tests.settings.fleets import Runtime

SITE = Path("/site")
Layer = Mapping[str, Any]

RUNTIME = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "retries": st.integers(0, 2),
        "level": st.sampled_from(["info", "debug"]),
        "by_name": st.dictionaries(st.sampled_from("ab"), st.fixed_dictionaries({"host": st.sampled_from("xy")})),
    },
)
VALUES = st.sampled_from([1, True, "1", None, {"deep": [1]}, {"deep": 2}])
CUSTOM = st.none() | st.dictionaries(st.sampled_from("ab"), VALUES)
SHELL = st.fixed_dictionaries({}, optional={"port": st.sampled_from([22, 23]), "username": st.just("ops")})
LAYERS = st.fixed_dictionaries(
    {},
    optional={
        "data": st.fixed_dictionaries({}, optional={"runtime": RUNTIME, "custom": CUSTOM}),
        "connection_options": st.fixed_dictionaries({}, optional={"shell": SHELL}),
    },
)
PARENTS: dict[str, list[str]] = {"base": [], "nodes": ["base"], "fast": ["nodes"], "other": []}  # a group's groups
HOSTS = st.tuples(LAYERS, st.lists(st.sampled_from(sorted(PARENTS)), unique=True, max_size=2))


def written(layers: Sequence[Layer], groups: Sequence[list[str]]) -> dict[str, Layer]:
    """Return hosts of these layers and groups."""
    pairs = enumerate(zip(layers, groups, strict=True))
    return {f"host{number}": {**layer, "groups": of} for number, (layer, of) in pairs}


def lineage(groups: list[str]) -> list[str]:
    """Return the groups in Nornir's order."""
    return list(dict.fromkeys(name for group in groups for name in (group, *lineage(PARENTS[group]))))


def merged(layers: Sequence[Layer], part: str, key: str) -> Any:
    """Return one key, merged over the layers: the nearest wins, a null takes away what is further."""
    result: Any = None
    for value in reversed(list(until_null(layer.get(part, {}).get(key, ...) for layer in layers))):
        result = over(result, value)
    return result


def until_null(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if value is None:
            return
        if value is not ...:
            yield value


def over(low: Any, high: Any) -> Any:
    if not (isinstance(low, dict) and isinstance(high, dict)):
        return high
    return {key: over(low.get(key), high[key]) if key in high else low[key] for key in {**low, **high}}


def fleet_of(
    hosts: Mapping[str, Layer], groups: Mapping[str, Layer], defaults: Layer, *models: type[Section]
) -> tuple[Fleet, InputFaults]:
    """Return the fleet of three files, and what is wrong in them."""
    faults = InputFaults()
    host_tree, group_tree, defaults_tree = (tree_of(part, Source("file", 1)) for part in (hosts, groups, defaults))
    sections = {model.section: model for model in models}
    return Fleet.of(host_tree, group_tree, defaults_tree, sections, SITE, faults), faults


@given(st.lists(HOSTS, min_size=1, max_size=6), st.fixed_dictionaries(dict.fromkeys(PARENTS, LAYERS)), LAYERS)
def test_every_host_has_what_the_plain_definition_of_merging_gives_it(
    drawn: list[tuple[Layer, list[str]]], bare: dict[str, Layer], defaults: Layer
) -> None:
    hosts = written([layer for layer, _ in drawn], [of for _, of in drawn])
    groups = {name: {**layer, "groups": PARENTS[name]} for name, layer in bare.items()}
    fleet, faults = fleet_of(hosts, groups, defaults, Runtime)
    for name, host in hosts.items():
        layers = [host, *(groups[group] for group in lineage(host["groups"])), defaults]
        runtime, custom = (merged(layers, "data", key) for key in ("runtime", "custom"))
        shell = merged(layers, "connection_options", "shell")
        facts = fleet.facts(name)
        wanted = {"runtime": None if runtime is None else Runtime(**runtime), "custom": custom}
        assert facts.data == {key: value for key, value in wanted.items() if value is not None}
        assert content_of(facts.data.get("custom")) == content_of(custom)  # in Python, 1 and True are equal
        assert facts.connections == ({} if shell is None else {"shell": ConnectionEntry(**shell)})
    assert faults.lines() == []


def counting() -> tuple[type[Section], list[int]]:
    """Return a section, and a list to which each of its validations adds an entry."""
    validated: list[int] = []

    class Counted(Section):
        section: ClassVar[str] = "counted"

        number: int = 0

        def model_post_init(self, context: object, /) -> None:
            validated.append(self.number)

    return Counted, validated


@pytest.mark.parametrize(
    ("numbers", "groups", "validations"),
    [
        ([1] * 50, {}, 1),
        (list(range(50)), {}, 50),
        ([None] * 50, {"nodes": {"data": {"counted": {"number": 7}}}}, 1),
    ],
)
def test_fifty_hosts_validate_what_is_equal_once(
    numbers: list[int | None], groups: dict[str, Layer], validations: int
) -> None:
    counted, validated = counting()
    own: list[Layer] = [{} if number is None else {"data": {"counted": {"number": number}}} for number in numbers]
    hosts = written(own, [list(groups)] * 50)
    fleet, _ = fleet_of(hosts, groups, {}, counted)
    found = [fleet.facts(name).data["counted"] for name in hosts]
    assert [one.number for one in found] == [7 if number is None else number for number in numbers]
    assert len(validated) == len({id(one) for one in found}) == validations


def test_facts_of_a_site_s_own_are_each_host_s_own() -> None:
    fleet, _ = fleet_of(written([{}, {}], [[], []]), {}, {"data": {"custom": {"seen": []}}})
    one, other = (fleet.facts(name).data["custom"] for name in fleet.hosts)
    one["seen"].append("here")
    assert other == {"seen": []}


def test_what_is_wrong_on_several_hosts_is_told_for_each() -> None:
    hosts = written([{"data": {"runtime": {"retries": -1}}}] * 3, [[]] * 3)
    fleet, faults = fleet_of(hosts, {}, {}, Runtime)
    assert [fleet.facts(name).data for name in hosts] == [{}] * 3
    assert faults.lines() == [
        f"file:1: host{number}.data.runtime.retries: must be greater than or equal to 0" for number in range(3)
    ]


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "1", "ä", 0.5, 1.0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=6,
)


@given(PLAIN, PLAIN)
def test_equal_contents_are_equal_values_of_the_same_types(one: Any, other: Any) -> None:
    assert (content_of(one) == content_of(other)) == (repr(one) == repr(other))
