"""Roll-outs as an operator types them, over hosts that are folders of this machine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from nornir.core.task import Result, Task

from moor.run.execution import run_runbook
from moor.run.rolling.amount import Amount
from moor.run.rolling.roll_out import RollOut
from moor.run.rolling.windows import DAYS
from moor.run.runbook import Runbook, Stage
from tests.harness.commands import moor_here
from tests.harness.hosts import MakeFleet
from tests.run.rolling.rolled import NAMES, Rolled


def test_a_roll_out_stops_says_who_is_left_and_the_same_command_goes_on(rolled: Rolled) -> None:
    (rolled.folder / "node3/sick").touch()
    stopped = moor_here(rolled.site, "apply", "one", "--yes", "--canary", "1", "--batch", "2", "--workers", "1")
    assert stopped.returncode == 1
    assert rolled.turns() == "base node1 node2 node3"
    assert "stopped: node3 failed\n" in stopped.stdout
    assert "  done    node1 node2\n  failed  node3\n  left    base node4 node5\n" in stopped.stdout
    assert f"go on by: moor apply one --site {rolled.site} --batch 2 --canary 1\n" in stopped.stdout
    (rolled.folder / "node3/sick").unlink()
    more = moor_here(rolled.site, "apply", "one", "--yes", "--canary", "1", "--batch", "2", "--workers", "1")
    assert more.returncode == 0, more.said
    # Those that are done come first, since nothing changes on them.
    assert rolled.turns() == "base node1 node2 node3 node4 node5 end"


def test_some_hosts_may_fail(rolled: Rolled) -> None:
    (rolled.folder / "node1/sick").touch()
    words = ("apply", "one", "--yes", "--batch", "1", "--max-failures", "20%", "--workers", "1")
    assert moor_here(rolled.site, *words).returncode == 1
    assert rolled.turns() == "base node1 node2 node3 node4 node5 end"
    (rolled.folder / "node2/sick").touch()
    for name in NAMES:
        (rolled.folder / name / "one").unlink(missing_ok=True)
    done = moor_here(rolled.site, *words)
    assert rolled.turns() == "base node1 node2"
    assert "stopped: node1, node2 failed, and at most 1 of 6 may\n" in done.stdout


def test_hosts_are_read_again_after_a_pause(rolled: Rolled, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        (rolled.folder / "node2/one").write_text("1\n")  # somebody else does it meanwhile

    monkeypatch.setattr("moor.run.rolling.turns.time.sleep", pause)
    done = moor_here(rolled.site, "apply", "one", "--yes", "--canary", "node1", "--pause", "5m", "--output", "json")
    assert done.returncode == 0, done.said
    assert pauses == [300, 300]
    # Nothing changes any more, so that nobody waits.
    assert moor_here(rolled.site, "apply", "one", "--yes", "--canary", "node1", "--pause", "5m").returncode == 0
    assert pauses == [300, 300]
    status = {name: host["resources"][0]["status"] for name, host in done.report["hosts"].items()}
    assert status == dict.fromkeys(NAMES, "changed") | {"node2": "ok"}
    assert "canary ended; next is the other hosts: node2, node3, node4, node5, in 5 min 0 s" in done.stderr


def test_a_plan_takes_all_hosts_together(rolled: Rolled) -> None:
    done = moor_here(rolled.site, "plan", "one")
    assert done.returncode == 2
    assert "look at one: node1, node2, node3, node4, node5\n" in done.stderr


def test_everything_that_is_wrong_in_the_words_is_told_at_once(rolled: Rolled) -> None:
    words = ("--batch", "0", "--canary", "node9", "--pause", "soon", "--max-failures", "200%")
    done = moor_here(rolled.site, "apply", "one", "--yes", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert [line.split(":")[0].strip() for line in done.stderr.splitlines()[1:]] == [
        "--batch 0",
        "--max-failures 200%",
        "--canary",
        "--pause soon",
    ]
    alone = moor_here(rolled.site, "apply", "one", "--yes", "--pause", "ask")
    assert "--pause: all hosts take their turn together; say --batch or --canary too\n" in alone.stderr
    assert "--pause ask: nobody to ask, since standard input is no terminal" in alone.stderr
    assert not (rolled.folder / "turns").exists()


ALWAYS = '{days: [mon, tue, wed, thu, fri, sat, sun], from: "00:00", to: "24:00"}'


def closed_window() -> str:
    """Return a window of the day after tomorrow."""
    day = DAYS[(datetime.now(UTC) + timedelta(days=2)).weekday()]
    return f'{{days: [{day}], from: "10:00", to: "11:00"}}'


def test_hosts_outside_of_their_windows_are_left_as_they_are(rolled: Rolled) -> None:
    rolled.give("node1", f"maintenance: {{windows: [{closed_window()}]}}")
    rolled.give("node2", f"maintenance: {{windows: [{ALWAYS}]}}")
    rolled.give("node3", f"maintenance: {{windows: [{closed_window()}]}}")
    (rolled.folder / "node3/one").write_text("1\n")
    planned = moor_here(rolled.site, "plan", "one")
    assert "  - node1: to be changed in the next maintenance window, " in planned.stdout
    rolled.turns()
    done = moor_here(rolled.site, "apply", "one", "--yes", "--batch", "1", "--workers", "1")
    assert done.returncode == 1
    assert "  - node1: left as it is: outside of its maintenance windows; the next is " in done.stdout
    assert "10:00 to 11:00 (UTC)" in done.stdout
    assert rolled.turns() == "base node3 node2 node4 node5 end"  # nothing changes on node3, and node1 is no failure
    drifted = moor_here(rolled.site, "drift", "--runbook", "one", "--apply", "file", "--workers", "1")
    assert (drifted.returncode, rolled.turns()) == (2, "base node1 node2 node3 node4 node5 end")
    assert "  - node1: to be changed in the next maintenance window, " in drifted.stdout
    assert not (rolled.folder / "node1/one").exists()
    forced = moor_here(rolled.site, "apply", "one", "--yes", "--outside-window")
    assert (forced.returncode, (rolled.folder / "node1/one").exists()) == (0, True), forced.said


def test_a_window_that_is_wrong_is_told_with_its_file_and_line(rolled: Rolled) -> None:
    rolled.give("node1", 'maintenance: {windows: [{days: [sun], from: "02:00", to: "02:00"}], timezone: Berlin}')
    done = moor_here(rolled.site, "plan", "one")
    assert done.returncode == 1
    assert "inventory/hosts.yaml:2: node1.data.maintenance.timezone: no time zone is called Berlin" in done.stderr
    assert "node1.data.maintenance.windows.0: from and to are the same" in done.stderr


def note_turn(task: Task) -> Result:
    with Path(task.host["folder"]).parent.joinpath("turns").open("a") as file:
        file.write(f"{task.host.name}\n")
    return Result(host=task.host)


REMOTE = """\
from dataclasses import dataclass
from nornir.core.task import Result, Task
from moor.api import Remote, Runbook, Stage, converge, site_of

@dataclass(frozen=True)
class Told(Remote):
    id = "told:it"

    def desired(self, actual):
        return {"it": "told"}

    def read(self, task):
        return {"it": "told" if (site_of(task.host).directory / "told").exists() else "unknown"}

    def write(self, task, actual):
        (site_of(task.host).directory / "told").touch()

def desired(host):
    return [Told()]

def tell(task: Task) -> Result:
    return converge(task, desired)
"""


def test_what_only_an_api_tells_is_looked_at_before_a_host_is_said_to_change(rolled: Rolled) -> None:
    (rolled.site / "tasks/remote.py").write_text(REMOTE)
    book = "from moor.api import Runbook, Stage, members\nfrom tasks.remote import tell\n"
    (rolled.site / "runbooks/remote.py").write_text(
        f'{book}RUNBOOK = Runbook("remote", "One thing.", (Stage(tell, on=members("first")),))\n'
    )
    rolled.give("base", f"maintenance: {{windows: [{closed_window()}]}}")
    hook = '{user_defined: {moor: {hooks: {before_run: [{command: [sh, -c, "echo begun >>heard"]}]}}}}'
    (rolled.site / "config.yaml").write_text(hook)
    done = moor_here(rolled.site, "apply", "remote", "--yes")
    assert done.returncode == 1
    assert "base: left as it is: outside of its maintenance windows" in done.stdout
    assert not (rolled.site / "told").exists()
    done = moor_here(rolled.site, "apply", "remote", "--yes", "--outside-window")
    assert (done.returncode, (rolled.site / "told").exists()) == (0, True), done.said
    heard = (rolled.site / "heard").read_text()
    assert moor_here(rolled.site, "apply", "remote", "--yes").returncode == 0  # nothing changes, at any time
    assert (rolled.site / "heard").read_text() == heard


def test_a_roll_out_ends_where_its_user_says_no(fleet: MakeFleet, tmp_path: Path) -> None:
    asked: list[str] = []

    def go_on(question: str) -> bool:
        asked.append(question)
        return "batch 2 of 2" not in question

    nr = fleet(dry_run=False)
    book = Runbook("test", "", (Stage(note_turn),))
    [left] = run_runbook(nr, book, roll_out=RollOut(batch=Amount(2), go_on=go_on))
    assert (left.hosts, left.reason) == (("gamma",), "stopped after batch 1 of 2, as you said")
    assert asked == ["batch 1 of 2 ended; next is batch 2 of 2: gamma"]
    assert (tmp_path / "turns").read_text().split() == ["alpha", "beta"]
