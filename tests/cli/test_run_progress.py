"""What a run tells while it lasts: a plan what it looks at, an apply what it has changed, and both the time left."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.cli.commands import run_progress
from moor.cli.commands.screen import CLEAR, Screen
from moor.connections.local import LocalPlugin
from moor.context import site_of
from moor.history.recording import record
from moor.progress import draw_bar, time_left_s
from moor.run.report import HostReport, RunReport
from moor.run.selection import find_runbook
from moor.sites.site import open_site
from tests.harness.commands import Done, moor_here
from tests.harness.hosts import NAMES, replaced_plugin
from tests.harness.sites import Content, write_site
from tests.harness.terminal import terminal
from tests.harness.waiting import until
from tests.history.reports import a_run

TASK = """
import sys
from pathlib import Path
from tests.harness.waiting import until
from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from moor.api import File, HostError, converge
FOLDER = Path(__file__).parent.parent
def desired(host: Host) -> list[File]:
    return [File(str(FOLDER / host.name), "it"), File(str(FOLDER / "all"), "it")]
def install_port(task: Task) -> Result:
    if (FOLDER / f"{task.host.name}.sick").exists():
        raise HostError("it is sick")
    if (FOLDER / "slow").exists() and task.host.name == "gamma":
        until(lambda: "beta]" in sys.stderr.getvalue(), "the others are told")
    return converge(task, desired)
def retire_port(task: Task) -> Result:
    return converge(task, desired)
def check_port(task: Task) -> Result:
    return Result(host=task.host)
"""
RUNBOOK = """
from tasks.port import check_port, install_port, retire_port
from moor.api import Runbook, Stage
RUNBOOK = Runbook("port", "", (Stage(install_port), Stage(retire_port), Stage(check_port)))
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    files: dict[str, Content] = {
        "inventory/hosts.yaml": {name: {} for name in NAMES},
        "tasks/port.py": TASK,
        "runbooks/port.py": RUNBOOK,
        "config.yaml": "runner: {plugin: serial}\n",
    }
    return write_site(tmp_path / "site", files)


def run(site: Path, *words: str) -> Done:
    with replaced_plugin("shell", LocalPlugin):
        return moor_here(site, *words)


def test_a_plan_says_what_it_looks_at_once_and_nothing_that_it_would_do(site: Path) -> None:
    told = run(site, "plan", "port").stderr.splitlines()
    assert told == ["read 3 hosts", "look at port: alpha, beta, gamma", "check port: alpha, beta, gamma"]


def test_an_apply_tells_changes_and_failures_as_they_happen_and_the_diff_once(site: Path) -> None:
    (site / "gamma.sick").touch()
    done = run(site, "apply", "port", "--yes")
    told = done.stderr.splitlines()
    after, before = told.index("install_port: alpha, beta, gamma"), told.index("retire_port: alpha, beta")
    assert f"  ~ file:{site}/<host>  [alpha beta]" in told[after:before]
    assert "  ! gamma: it is sick" in told[after:before]
    assert "+it" not in done.stderr
    assert done.stdout.count(f"file:{site}/<host>  [alpha beta]") == 1


def test_changes_are_told_while_other_hosts_of_the_stage_are_under_way(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_progress, "CHANGES_S", 0.0)
    monkeypatch.setattr(run_progress, "TICK_S", 0.3)
    (site / "slow").touch()
    done = run(site, "apply", "port", "--yes")
    assert done.returncode == 0, done.said
    assert f"  ~ file:{site}/gamma  [gamma]\n" in done.stderr


def test_quiet_is_quiet(site: Path) -> None:
    assert run(site, "apply", "port", "--yes", "--quiet").stderr == ""


def test_a_terminal_shows_one_line_with_what_is_left_and_clears_it(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(run_progress, "FIRST_S", 0.0)
    monkeypatch.setattr(run_progress, "TICK_S", 0.01)
    with terminal(60) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        screen = Screen()
        nr = open_site(site, dry_run=True)
        report = RunReport("run", "port", {name: HostReport() for name in NAMES}, command="plan")
        progress = run_progress.RunProgress(nr, find_runbook(site, "port"), report, screen)
        with progress.ticking():
            until(lambda: "]" in stream.getvalue(), "the line is drawn")
    shown = stream.getvalue()
    assert re.search(r"\[-{20}\] \d s so far", shown)
    assert shown.endswith(CLEAR)
    assert all(len(re.sub(r"\x1b\[\w*[mK]", "", part)) < 60 for part in shown.split("\r"))


def test_history_tells_how_long_such_a_run_takes(site: Path) -> None:
    nr = open_site(site, dry_run=True)
    report = RunReport("now", "site", {"alpha": HostReport()}, command="apply")
    assert run_progress.expected_s(nr, report) == 0
    for number, took in enumerate((9.0, 30.0, 10.0)):
        former = a_run({"alpha": {"file:/a": "ok"}})
        former.run, former.command, former.runbook, former.duration_s = f"run{number}", "apply", "site", took
        assert record(site_of(nr), former, frozenset({"alpha"})).trouble == ""
    assert run_progress.expected_s(nr, report) == 10
    report.command = "verify"
    assert run_progress.expected_s(nr, report) == 0


@given(st.floats(0.1, 1e5), st.floats(0, 1), st.floats(0, 1e5))
def test_an_estimate_is_positive_or_none_at_all(elapsed: float, share: float, expected: float) -> None:
    left = time_left_s(elapsed, share, expected)
    assert left == 0 or left >= 1
    assert left == 0 or expected <= elapsed or left <= max(expected, 1)


@pytest.mark.parametrize(
    ("elapsed", "share", "expected", "left"), [(10, 0.5, 0, 10), (10, 0.01, 0, 0), (10, 0.01, 70, 60), (10, 0.5, 5, 10)]
)
def test_history_counts_until_it_is_wrong_then_what_is_done(
    elapsed: float, share: float, expected: float, left: float
) -> None:
    assert time_left_s(elapsed, share, expected) == left


@given(st.floats(-1, 2))
def test_a_bar_is_always_as_wide(share: float) -> None:
    assert len(draw_bar(share)) == 22
