"""What a run knows is one value: some of it travels to workers, and a second run beside it has its own."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from nornir.core.task import Result, Task

from moor.choice import Choice
from moor.context import (
    LOCAL,
    DiagnosisScope,
    RollbackOrder,
    RunContext,
    change_context,
    context_of,
    fleet_of,
    portability_of,
    separate_nornir,
)
from moor.settings import SiteSettings
from tests.harness.hosts import MakeFleet

SENT = RunContext(
    "20261128-080000-0001",
    "drift",
    True,
    Choice(("file",)),
    frozenset({"aa"}),
    RollbackOrder("20261127-080000-0001"),
    DiagnosisScope(pull=True),
    frozenset({"alpha"}),
    {"nodes": {"alpha": "10.0.0.1"}},
    frozenset({"beta"}),
)


def test_each_field_says_whether_it_travels() -> None:
    assert set(portability_of().values()) == {True, False}


def test_a_field_that_does_not_say_so_is_refused() -> None:
    @dataclass(frozen=True)
    class Careless(RunContext):
        more: int = 0

    @dataclass(frozen=True)
    class Careful(RunContext):
        more: int = field(default=0, metadata=LOCAL)

    assert portability_of(Careful)["more"] is False
    with pytest.raises(TypeError, match=r"Careless\.more"):
        portability_of(Careless)


def test_an_order_carries_all_that_the_controller_knows_and_nothing_that_is_each_process_s_own(tmp_path: Path) -> None:
    site = SiteSettings.at(tmp_path, state=tmp_path)
    controllers = SENT.changed(site=site, trouble="the cluster does not answer", keep_connections=True)
    sent: RunContext = pickle.loads(pickle.dumps(controllers.to_send()))  # noqa: S301  # our own
    assert sent == SENT
    own = RunContext(site=site, role_faults={"harbor": ["none"]})
    assert own.joined_with(sent) == SENT.changed(site=site, role_faults={"harbor": ["none"]})


def test_what_an_earlier_command_asked_for_does_not_stay_on_a_worker() -> None:
    later = RunContext().joined_with(SENT).joined_with(RunContext("second").to_send())
    assert later == RunContext("second")


def test_answers_are_good_for_one_run() -> None:
    known = RunContext("first")
    known.answers["harbor",] = "answers"
    assert known.joined_with(RunContext("first")).answers == known.answers
    assert known.joined_with(RunContext("second")).answers == {}


def test_a_run_beside_another_changes_neither_its_context_nor_its_state(fleet: MakeFleet) -> None:
    def look(task: Task) -> Result:
        return Result(task.host, (context_of(task).choice.only, context_of(task.host).choice.only, task.is_dry_run()))

    checking = fleet(dry_run=True)
    change_context(checking, fleet=checking.inventory)
    checking.data.failed_hosts.add("gamma")
    mending = separate_nornir(checking.filter(name="alpha"), dry_run=False, choice=Choice(("file",)))
    (found,) = mending.run(look).values()
    assert found[0].result == (("file",), ("file",), False)
    assert {result[0].result for result in checking.run(look).values()} == {((), (), True)}
    assert set(fleet_of(mending).hosts) == set(checking.inventory.hosts)
    mending.data.failed_hosts.add("alpha")
    change_context(mending, run="mending")
    assert checking.data.failed_hosts == {"gamma"}
    assert context_of(checking).run != "mending"


def test_runs_beside_each_other_share_connections(fleet: MakeFleet) -> None:
    checking = fleet()
    mending = separate_nornir(checking, dry_run=False)
    mending.inventory.hosts["alpha"].open_connection("shell", mending.config)
    assert "shell" in checking.inventory.hosts["alpha"].connections
    checking.close_connections()
    assert not mending.inventory.hosts["alpha"].connections
