"""Hosts that hold the same resources share a script and what their answers mean; no host gets another's state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.engine.plan import plan
from moor.engine.probing import ProbeRound
from moor.engine.reading import Reading
from moor.engine.resource_list import ResourceList, listed
from moor.engine.script import new_mark, probe_script
from moor.resources.base import Probed, State
from moor.resources.file import File
from moor.resources.requirement import Clock, Requirement
from moor.resources.service import Service
from moor.script_result import ScriptResult

RESOURCES = (
    File("/etc/one", "1\n"),
    Requirement("two", "echo two", str.strip),
    Service("three", newer_than=("/etc/one",)),
)
OUTPUTS = st.lists(st.binary(max_size=20), min_size=3, max_size=3)


@dataclass(frozen=True)
class Counter(Probed):
    """A resource that counts how often its output is parsed."""

    name: str
    parsed: list[str] = field(default_factory=list, compare=False)
    varies: ClassVar[bool] = False

    @property
    def id(self) -> str:
        return f"counter:{self.name}"

    def desired(self, actual: State | None) -> State:
        return {"content": "right"}

    def probe(self) -> str:
        return "echo right"

    def actual(self, output: str) -> State | None:
        self.parsed.append(output)
        return {"content": output.strip()}


@dataclass(frozen=True)
class Varying(Counter):
    """One of which every answer is parsed."""

    varies: ClassVar[bool] = True


def answer(outputs: Sequence[bytes], mark: str) -> ScriptResult:
    """Return the answer of a host."""
    parts = (
        f"\n{mark} {n} begin\n".encode() + text + f"\n{mark} {n} end 0\n".encode() for n, text in enumerate(outputs)
    )
    return ScriptResult(b"".join(parts), b"", 0)


def test_the_script_is_the_one_of_all_probes_with_a_mark_of_its_own_for_every_host() -> None:
    reading = Reading(RESOURCES)
    for mark in (new_mark(), new_mark()):
        assert reading.script(mark) == probe_script([resource.probe() for resource in RESOURCES], mark)


def test_the_time_in_a_script_is_that_of_its_own_making(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, scripts = Reading([RESOURCES[0], Clock(60), RESOURCES[1], Clock(60)]), []
    for now in (1000, 2000):
        monkeypatch.setattr("time.time", lambda now=now: now)
        scripts.append(reading.script("mark"))
        assert scripts[-1].count(f"date -u +{now}:%s") == 2
    assert scripts[0].replace("1000", "2000") == scripts[1]


@given(st.lists(OUTPUTS, min_size=1, max_size=6))
def test_every_host_has_the_states_that_its_own_answer_means(hosts: list[list[bytes]]) -> None:
    resources = [Requirement(name, ":", lambda text: text) for name in ("one", "two", "three")]
    reading = Reading(resources)
    for outputs in hosts:
        asked = ProbeRound(reading)
        texts = [output.decode("utf-8", "surrogateescape") for output in outputs]
        wanted = {one.id: one.actual(text) for one, text in zip(resources, texts, strict=True)}
        assert asked.states(answer(outputs, asked.mark)) == wanted


@pytest.mark.parametrize(
    ("kind", "outputs", "parsed"),
    [
        (Counter, [b"right\n"] * 50, 1),
        (Counter, [b"right %d\n" % number for number in range(50)], 50),
        (Varying, [b"right\n"] * 50, 50),
    ],
)
def test_an_output_that_many_hosts_give_is_parsed_once(
    kind: Callable[[str], Counter], outputs: list[bytes], parsed: int
) -> None:
    counter = kind("one")
    reading = Reading([counter])
    states = [asked.states(answer([output], asked.mark)) for output in outputs for asked in [ProbeRound(reading)]]
    assert [found["counter:one"] for found in states] == [{"content": output.decode().strip()} for output in outputs]
    assert len(counter.parsed) == parsed
    assert len({id(found["counter:one"]) for found in states}) == len(set(outputs))


def test_an_output_that_is_too_long_to_keep_is_parsed_each_time() -> None:
    counter = Counter("one")
    reading, long = Reading([counter]), b"x" * 5_000_000
    for _ in range(3):
        asked = ProbeRound(reading)
        assert asked.states(answer([long], asked.mark)) == {"counter:one": {"content": long.decode()}}
    assert len(counter.parsed) == 3


STATES = st.sampled_from(
    [None, {"owner": "root:root", "mode": "0644", "content": "1\n"}, {"met": "yes"}, {"met": "no"}]
)


@given(st.lists(st.tuples(STATES, STATES, st.sampled_from([(), ("/etc/one",), ("/etc/two",)])), min_size=1, max_size=9))
def test_the_plan_of_a_shared_list_is_the_plan_of_the_host(
    hosts: list[tuple[State | None, State | None, tuple[str]]],
) -> None:
    resources = ResourceList([File("/etc/one", "1\n"), Requirement("two", ":", str)])
    service = Service("three", newer_than=("/etc/one", "/etc/two"))
    resources = ResourceList([*resources, service])
    for one, two, planned in hosts:
        one_read = one if one is None or "mode" in one else {**one, "owner": "", "mode": "", "content": ""}
        states = {
            "file:/etc/one": one_read,
            "requirement:two": two,
            service.id: {"running": "yes", "enabled": "yes", "stale": "no"},
        }
        assert resources.plan(states, planned) == plan(resources, states, planned)


def test_a_caller_may_change_the_plan_that_it_got() -> None:
    resources = ResourceList([File("/etc/one", "1\n")])
    states = {"file:/etc/one": None}
    resources.plan(states).clear()
    assert [change.id for change in resources.plan(states)] == ["file:/etc/one"]


def test_a_list_that_hosts_share_stays_the_same_object() -> None:
    shared = ResourceList(RESOURCES)
    assert listed(shared) is shared
    assert listed(list(RESOURCES)) == shared


def test_ids_that_two_resources_have_are_named_once() -> None:
    assert ResourceList([*RESOURCES, *RESOURCES, Clock()]).duplicates == sorted(one.id for one in RESOURCES)
