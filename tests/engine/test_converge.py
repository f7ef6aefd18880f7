"""One host brought to its desired state, over a real shell: plan, apply, plan again; what fails is told and stops."""

from __future__ import annotations

from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_UN, flock
from functools import partial
from pathlib import Path
from threading import Timer

import pytest
from nornir.core.inventory import Host
from nornir.core.task import AggregatedResult, MultiResult, Result, Task

from moor.context import change_context
from moor.engine import shell_functions
from moor.engine.converge import converge
from moor.engine.results import ResourceResult
from moor.errors import HostError
from moor.resources.base import Required, Resource, State
from moor.resources.edit import Edit
from moor.resources.file import Directory, File
from tests.harness.hosts import MakeFleet, counted
from tests.harness.shells import me


def one(host: Host, content: str = "one\n") -> File:
    return File(f"{host['folder']}/one", content, owner=me(Path(host["folder"])))


@dataclass(frozen=True)
class Unmendable(Required):
    """Hold what nobody can give."""

    @property
    def id(self) -> str:
        return "requirement:moon"

    def desired(self, actual: State | None) -> State:
        return {"moon": "full"}

    def probe(self) -> str:
        return "echo new"

    def actual(self, output: str) -> State:
        return {"moon": output.strip()}

    def remedy(self, actual: State | None) -> str:
        return "the moon is new; wait two weeks"


def statuses(result: MultiResult) -> dict[str, str]:
    return {str(sub.name): sub.status for sub in result if isinstance(sub, ResourceResult)}


def run(fleet: MakeFleet, *resources: Resource, dry_run: bool = False) -> AggregatedResult:
    def give(task: Task) -> Result:
        return converge(task, resources or [one(task.host)])

    return fleet(dry_run=dry_run).filter(name="alpha").run(task=give)


def test_a_dry_run_says_what_would_change_and_changes_nothing(fleet: MakeFleet, tmp_path: Path) -> None:
    result = run(fleet, dry_run=True)["alpha"]
    assert (result.changed, result.failed) == (True, False)
    assert result[1].name == f"file:{tmp_path}/alpha/one"
    assert "+one" in result[1].diff
    assert list((tmp_path / "alpha").iterdir()) == []


def test_applied_once_there_is_nothing_left_to_change(fleet: MakeFleet, tmp_path: Path) -> None:
    assert run(fleet)["alpha"].changed
    assert (tmp_path / "alpha" / "one").read_text() == "one\n"
    again = run(fleet)["alpha"]
    assert (again.changed, again.diff, again[1].result) == (False, "", "ok")


def test_an_unmet_requirement_is_told_before_anything_is_changed(fleet: MakeFleet, tmp_path: Path) -> None:
    file = File(f"{tmp_path}/alpha/one", "one\n", owner=me(tmp_path))
    result = run(fleet, file, Unmendable())["alpha"]
    assert str(result[0].exception) == "requirement:moon: the moon is new; wait two weeks"
    assert statuses(result) == {file.id: "skipped", "requirement:moon": "failed"}
    assert not (tmp_path / "alpha" / "one").exists()


def test_after_a_failure_the_rest_is_skipped_and_both_are_told(fleet: MakeFleet, tmp_path: Path) -> None:
    folder, owner = tmp_path / "alpha", me(tmp_path)
    first = File(f"{folder}/first", "1\n", owner=owner)
    second = File(f"{folder}/second", "2\n", owner=owner, validate="echo never good >&2; false")
    third = Directory(f"{folder}/third", owner=owner)
    result = run(fleet, first, second, third)["alpha"]
    assert statuses(result) == {first.id: "changed", second.id: "failed", third.id: "skipped"}
    assert "never good" in str(result[0].exception)
    assert sorted(path.name for path in folder.iterdir()) == ["first"]


def test_what_does_not_become_right_by_mending_is_an_error(fleet: MakeFleet, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Stubborn(File):
        def mend(self, actual: State | None) -> str:
            return ":"

    result = run(fleet, Stubborn(f"{tmp_path}/alpha/one", "one\n", owner=me(tmp_path)))["alpha"]
    assert "still not as it should be after mending" in str(result[0].exception)


def test_two_resources_of_one_id_are_refused(fleet: MakeFleet, tmp_path: Path) -> None:
    result = run(fleet, File("/x", "a"), File("/x", "b"), dry_run=True)["alpha"]
    assert "have the same id: file:/x" in str(result[0].exception)


@pytest.mark.parametrize(("dry_run", "before", "trips"), [(True, "", 1), (False, "one\n", 1), (False, "", 2)])
def test_one_round_trip_when_nothing_differs_and_two_when_something_does(
    fleet: MakeFleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry_run: bool, before: str, trips: int
) -> None:
    if before:
        (tmp_path / "alpha").mkdir()
        (tmp_path / "alpha" / "one").write_text(before)
    scripts = counted(monkeypatch)
    run(fleet, dry_run=dry_run)
    assert len(scripts) == trips


def test_what_was_changed_before_a_change_that_cannot_even_be_tried_is_told(fleet: MakeFleet, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Impossible(File):
        def mend(self, actual: State | None) -> str:
            raise HostError("nobody can write this")

    folder, owner = tmp_path / "alpha", me(tmp_path)
    first, second, third = (
        File(f"{folder}/first", "1\n", owner=owner),
        Impossible(f"{folder}/second", "2\n", owner=owner),
        File(f"{folder}/third", "3\n", owner=owner),
    )
    result = run(fleet, first, second, third)["alpha"]
    assert statuses(result) == {first.id: "changed", second.id: "failed", third.id: "skipped"}
    assert str(result[0].exception) == f"{second.id}: nobody can write this"


def test_what_was_changed_is_told_though_it_is_not_as_it_should_be_afterwards(fleet: MakeFleet, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Stubborn(File):
        def mend(self, actual: State | None) -> str:
            return ":"

    good = File(f"{tmp_path}/alpha/good", "1\n", owner=me(tmp_path))
    stubborn = Stubborn(f"{tmp_path}/alpha/one", "one\n", owner=me(tmp_path))
    result = run(fleet, good, stubborn)["alpha"]
    assert statuses(result) == {good.id: "changed", stubborn.id: "failed"}


def test_a_host_that_is_busy_shows_what_was_left_undone(
    fleet: MakeFleet, host_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_functions, "WAIT_S", 1)
    with (host_folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        result = run(fleet)["alpha"]
    assert "another run holds the lock of this host" in str(result[0].exception)
    assert list(statuses(result).values()) == ["skipped"]


@pytest.mark.parametrize("written", ["", "one\n", "another\n"])
def test_what_another_run_left_behind_is_waited_for_and_read_again(
    fleet: MakeFleet, tmp_path: Path, host_folder: Path, written: str
) -> None:
    nr = fleet().filter(name="alpha")
    file = tmp_path / "alpha/one"
    with (host_folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)

        def end() -> None:
            if written:
                file.write_text(written)
            flock(lock, LOCK_UN)

        left_behind = Timer(0.5, end)
        left_behind.start()
        result = nr.run(task=lambda task: converge(task, [one(task.host)]))["alpha"]
        left_behind.join()
    assert not result.failed, result[0].exception
    assert list(statuses(result).values()) == ["ok" if written == "one\n" else "changed"]
    assert file.read_text() == "one\n"


def test_two_edits_of_one_file_are_made_in_one_run(fleet: MakeFleet, tmp_path: Path) -> None:
    path = str(tmp_path / "alpha" / "list")
    edits = [Edit(path, word, partial(with_line, word)) for word in ("one", "two")]
    result = run(fleet, *edits)["alpha"]
    assert not result.failed, result[0].exception
    assert Path(path).read_text() == "one\ntwo\n"
    assert not run(fleet, *edits)["alpha"].changed


def test_a_change_that_brings_another_one_is_followed_up(fleet: MakeFleet, tmp_path: Path) -> None:
    folder, owner = tmp_path / "alpha", me(tmp_path)

    @dataclass(frozen=True)
    class Spoiling(File):
        def mend(self, actual: State | None) -> str:
            return f"{super().mend(actual)}; rm -f {folder}/other"

    other = File(f"{folder}/other", "other\n", owner=owner)
    assert not run(fleet, other)["alpha"].failed
    result = run(fleet, other, Spoiling(f"{folder}/spoiler", "1\n", owner=owner))["alpha"]
    assert not result.failed, result[0].exception
    assert list(statuses(result).values()) == ["changed", "changed"]
    assert (folder / "other").exists()


def test_a_task_that_is_run_twice_by_nornir_alone_reads_the_host_each_time(fleet: MakeFleet, tmp_path: Path) -> None:
    def write_one(task: Task) -> Result:
        return converge(task, [one(task.host)])

    nr = fleet().filter(name="alpha")
    assert nr.run(task=write_one)["alpha"].changed
    assert not nr.run(task=write_one)["alpha"].changed
    (tmp_path / "alpha" / "one").write_text("somebody else's\n")
    assert nr.run(task=write_one)["alpha"].changed
    assert (tmp_path / "alpha" / "one").read_text() == "one\n"


def with_line(word: str, text: str, _: str) -> str:
    return text if word in text.split() else f"{text}{word}\n"


def test_a_run_of_a_saved_plan_makes_no_change_that_is_not_in_it(fleet: MakeFleet) -> None:
    nr = fleet().filter(name="alpha")
    folder = Path(nr.inventory.hosts["alpha"]["folder"])
    files = [File(f"{folder}/{name}", "x\n", owner=me(folder)) for name in ("planned", "other")]
    change_context(nr, approved={"alpha": frozenset({files[0].id})})
    result = nr.run(task=lambda task: converge(task, files))["alpha"]
    assert result.failed
    assert f"{files[1].id}: it differs now and is not in the saved plan" in str(result[0].exception)
    assert not any(folder.iterdir())
    change_context(nr, approved={"alpha": frozenset(one.id for one in files)})
    nr.data.reset_failed_hosts()
    assert not nr.run(task=lambda task: converge(task, files)).failed
