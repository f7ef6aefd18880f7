"""``moor plan --show-script``: what each host would get, shown and not sent."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.base import Later, Remote, Required, Resource, State
from moor.resources.edit import Edit
from moor.resources.file import File
from moor.run.execution import run_runbook
from moor.run.preview import MARK, Preview, format_json, format_text, preview_hosts
from moor.run.runbook import Runbook, Stage
from moor.secrets.secret import Secret
from tests.harness.hosts import NAMES, MakeFleet, counted
from tests.harness.shells import me

PASSWORD = "it's-a-s3cret\\of ours"  # with both letters that sh would not take as they are
THEIRS = "hunter2hunter2"


class Record(Remote):
    """Something behind an API that is not there yet."""

    id = "record:here"

    def desired(self, actual: State | None) -> State:
        return {"content": "x"}

    def read(self, task: Task) -> State | None:
        return None

    def write(self, task: Task, actual: State | None) -> None:
        raise AssertionError("a preview writes nothing")


class Disk(Required):
    """A requirement that no host meets."""

    id = "requires:disk"

    def desired(self, actual: State | None) -> State:
        return {"free": "enough"}

    def probe(self) -> str:
        return "echo little"

    def actual(self, output: str) -> State:
        return {"free": output.strip()}

    def remedy(self, actual: State | None) -> str:
        return "the disk is full; make room"


def desired(host: Host) -> list[Resource]:
    folder = host["folder"]
    wanted: dict[str, list[Resource]] = {
        "files": [File(f"{folder}/one", "1\n", owner=me(Path(folder))), File(f"{folder}/two", "2\n")],
        "secret": [File(f"{folder}/password", f"ours {PASSWORD}\n")],
        "theirs": [Edit(f"{folder}/theirs", "ours", lambda text, _: text if "# ours" in text else f"{text}# ours\n")],
        "api": [File(f"{folder}/one", "1\n"), Record(), File(f"{folder}/two", "2\n")],
        "full": [Disk(), File(f"{folder}/one", "1\n")],
        "later": [File(f"{folder}/one", Later("the certificate"))],
        "odd": [Edit(f"{folder}", "ours", lambda text, _: text)],
    }
    return wanted[host["case"]]


def hold(task: Task) -> Result:
    return converge(task, desired(task.host))


def shown(fleet: MakeFleet, case: str, *stages: Stage) -> dict[str, Preview]:
    nr = fleet(dry_run=True)
    nr.inventory.groups["all"].data["case"] = case
    return preview_hosts(nr, Runbook("test", "", stages or (Stage(hold),)))


def without_chance(script: str) -> str:
    """Return a script with the words that each run draws, and the time, as one word."""
    return re.sub(r"moor-(mark|[0-9a-f]{32})|\d{8}-\d{6}-[0-9a-f]{4}", MARK, script)


def test_the_scripts_are_those_that_an_apply_sends(fleet: MakeFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shown(fleet, "files")
    nr = fleet()
    nr.inventory.groups["all"].data["case"] = "files"
    sent = counted(monkeypatch)
    run_runbook(nr, Runbook("test", "", (Stage(hold),)))
    told = [step.script for name in NAMES for step in found[name].steps]
    assert sorted(map(without_chance, told)) == sorted(map(without_chance, sent))
    assert len(told) == 2 * len(NAMES)


def test_nothing_is_changed(fleet: MakeFleet, tmp_path: Path) -> None:
    text = format_text(shown(fleet, "files"))
    assert f"# beta: hold would change file:{tmp_path}/beta/one, file:{tmp_path}/beta/two\n" in text
    assert list((tmp_path / "beta").iterdir()) == []
    assert not (tmp_path / "lock").exists()


def test_a_host_that_is_as_it_should_be_gets_the_reading_alone(fleet: MakeFleet, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "alpha" / name).parent.mkdir(exist_ok=True)
    nr = fleet()
    nr.inventory.groups["all"].data["case"] = "theirs"
    run_runbook(nr, Runbook("test", "", (Stage(hold),)))
    found = shown(fleet, "theirs")["alpha"]
    assert [step.does for step in found.steps] == ["read"]
    assert not found.differs
    assert "# alpha: nothing to change" in format_text({"alpha": found})


def test_a_secret_is_in_no_script(fleet: MakeFleet) -> None:
    Secret(PASSWORD)
    found = shown(fleet, "secret")
    for text in (format_text(found), format_json(found)):
        assert "password" in text
        assert "ours ***" in text
        assert "s3cret" not in text


def test_a_password_in_somebody_elses_file_is_struck_out(fleet: MakeFleet, tmp_path: Path) -> None:
    (tmp_path / "alpha").mkdir()
    (tmp_path / "alpha" / "theirs").write_text(f"user: joe\npassword: {THEIRS}\n")
    text = format_text(shown(fleet, "theirs"))
    assert "user: joe\npassword: ***\n# ours" in text
    assert THEIRS not in text


def test_what_is_done_by_calls_is_named_in_its_place(fleet: MakeFleet, tmp_path: Path) -> None:
    found = shown(fleet, "api")["alpha"]
    assert [(step.does, step.resources) for step in found.steps[1:]] == [
        ("change", (f"file:{tmp_path}/alpha/one",)),
        ("call", ("record:here",)),
        ("change", (f"file:{tmp_path}/alpha/two",)),
    ]
    assert "# alpha: hold would change record:here, by calls instead of a script" in format_text({"alpha": found})


def test_an_unmet_requirement_is_told_and_nothing_of_that_stage_would_be_sent(fleet: MakeFleet) -> None:
    found = shown(fleet, "full")["alpha"]
    assert [(step.does, step.why) for step in found.steps[1:]] == [
        ("error", "requires:disk: the disk is full; make room")
    ]
    assert found.failed


def test_what_an_earlier_step_makes_is_not_known_beforehand(fleet: MakeFleet) -> None:
    found = shown(fleet, "later")["alpha"]
    assert "hold is not known beforehand: an earlier step makes the certificate" in format_text({"alpha": found})
    assert (found.differs, found.failed) == (True, False)


def test_a_host_that_cannot_be_read_is_an_error_beside_the_others(fleet: MakeFleet) -> None:
    found = shown(fleet, "odd")["beta"]
    assert found.failed
    assert "# beta: edit:" in format_text({"beta": found})
    assert (
        "a directory is in its place; move it away"
        in json.loads(format_json({"beta": found}))["hosts"]["beta"]["error"]
    )
