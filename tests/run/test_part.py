"""A part of a runbook: some resources, from a stage on, or stage by stage; words that name nothing are errors."""

from __future__ import annotations

import io

import pytest

from moor.choice import Choice
from moor.run.execution import run_runbook
from moor.run.report import Collector, HostReport, RunReport
from moor.run.rolling.roll_out import Answer, RollOut
from moor.run.selection import find_runbook
from moor.sites.site import open_site
from tests.harness.hosts import NAMES
from tests.plans.conftest import Site, site  # noqa: F401  # a fixture

FILES = {"motd", "password", "made", "copy"}


def files_of(site: Site, host: str) -> set[str]:  # noqa: F811
    return {path.name for path in site.file(host, "").iterdir()} if site.file(host, "").exists() else set()


def test_only_and_skip_leave_the_others_as_they_are(site: Site) -> None:  # noqa: F811
    only = ("--only", "directory,file:*/motd", "--quiet")
    planned = site("plan", "both", *only)
    assert planned.returncode == 2
    assert "plan: 6 changes on 3 hosts; 0 as they should be" in planned.stdout
    assert "password" not in planned.stdout
    scripts = site("plan", "both", "--show-script", *only).stdout.splitlines()
    assert not [line for line in scripts if "would change" in line and "password" in line]
    done = site("apply", "both", "--yes", *only)
    assert done.returncode == 0
    assert files_of(site, "alpha") == {"motd"}
    assert site("apply", "both", "--yes", "--skip", "file:*/password", "--skip", "file:*/copy").returncode == 0
    assert files_of(site, "beta") == {"motd", "made"}
    assert site("plan", "both", "--skip", "file:*/password,file:*/copy").returncode == 0
    assert "both --only 'directory,file:*/motd'" in site("history").stdout


def test_start_at_leaves_out_the_stages_before(site: Site) -> None:  # noqa: F811
    for word in ("write_second", "second"):
        planned = site("plan", "both", "--start-at", word, "--output", "json").report
        assert {one["stage"] for one in planned["hosts"]["alpha"]["resources"]} == {"write_second"}


def test_a_saved_plan_is_of_the_same_part(site: Site) -> None:  # noqa: F811
    found = site.saved("--only", "directory,file:*/motd", "--start-at", "write_first", "--limit", "alpha")
    assert found["scope"] == {
        "runbook": "both",
        "limit": "alpha",
        "only": ["directory", "file:*/motd"],
        "skip": [],
        "start_at": "write_first",
    }
    shown = site("show", site.plan).stdout
    assert ": both --limit alpha --only 'directory,file:*/motd' --start-at write_first; by moor " in shown
    done = site("apply", site.plan, "--quiet", "--only", "file")
    assert "the plan says what is applied" in done.stderr
    assert site("apply", site.plan, "--quiet").returncode == 0
    assert files_of(site, "alpha") == {"motd"}
    assert files_of(site, "beta") == set()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", ""], "--only: it names nothing; write kinds or ids, or leave it out"),
        (["--skip", ","], "--skip: it names nothing"),
        (
            ["--only", "fiel"],
            "--only fiel: no resource is of kind fiel; did you mean file? (there are: directory, file)",
        ),
        (["--only", "file:/gone", "--skip", "x"], "--only file:/gone: no resource of these hosts is called so"),
        (["--only", "file:/gone", "--skip", "x"], "--skip x: no resource is of kind x"),
        (["--only", "file", "--skip", "f*"], "--only file --skip 'f*': no resource is left"),
        (["--start-at", ""], "--start-at: it names no stage"),
        (["--start-at", "write_frist"], "no such stage; did you mean write_first? (it has: write_first, write_second)"),
        (["--limit", ""], "--limit: it names nobody"),
    ],
)
def test_words_that_name_nothing_are_one_clear_error(site: Site, words: list[str], said: str) -> None:  # noqa: F811
    for command in (["plan", "both"], ["apply", "both", "--yes"], ["plan", "both", "--show-script"]):
        done = site(*command, *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
    assert files_of(site, "alpha") == set()


def test_step_needs_somebody_to_ask(site: Site) -> None:  # noqa: F811
    done = site("apply", "both", "--yes", "--step")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--step: nobody to ask, since standard input is no terminal" in done.stderr


class Terminal(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self) -> bool:
        """Return that somebody is there."""
        return True


def test_step_asks_until_the_answer_is_understood(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("sys.stdin", Terminal("perhaps\nY\nno\n"))
    done = site("apply", "both", "--yes", "--step")
    assert done.returncode == 0, done.said
    assert done.stderr.count("write_first on alpha beta gamma: change? yes, no, or stop") == 2
    assert files_of(site, "alpha") == {"motd", "password", "made"}
    monkeypatch.setattr("sys.stdin", Terminal("s\n"))
    done = site("apply", "both", "--yes", "--step")
    assert done.returncode == 1
    assert "stopped before write_second, as you said" in done.stdout
    assert "go on by: moor apply both" in done.stdout


def stepped(site: Site, *answers: Answer) -> tuple[list[str], RunReport]:  # noqa: F811
    asked: list[str] = []

    def ask(words: str) -> Answer:
        asked.append(words)
        return answers[len(asked) - 1]

    report = RunReport("run", "both", {name: HostReport() for name in NAMES}, command="apply")
    nr = open_site(site.folder).with_processors([Collector(report)])
    report.skip(run_runbook(nr, find_runbook(site.folder, "both"), roll_out=RollOut(ask_stage=ask)))
    return asked, report


def test_a_stage_is_left_out_where_somebody_says_no_and_the_rest_where_they_say_stop(site: Site) -> None:  # noqa: F811
    asked, report = stepped(site, "stop")
    assert (asked, files_of(site, "alpha")) == (["write_first on alpha beta gamma"], set())
    assert report.stopped == "stopped before write_first, as you said"
    asked, report = stepped(site, "yes", "no")
    assert asked == ["write_first on alpha beta gamma", "write_second on alpha beta gamma"]
    assert (files_of(site, "alpha"), report.failed) == ({"motd", "password", "made"}, False)
    site.file("beta", "motd").unlink()
    assert stepped(site, "no", "yes")[0][0] == "write_first on beta", "nobody is asked about what changes nothing"
    assert files_of(site, "beta") == {"password", "made", "copy"}


def test_a_requirement_is_checked_whatever_only_names() -> None:
    choice = Choice(("file",), ("requirement:disk",))
    assert choice.allows("requirement:cpu", required=True)
    assert not choice.allows("requirement:disk", required=True)
    assert not choice.allows("service:x")
    assert Choice(("file:/etc/*",)).allows("file:/etc/a")
    assert not Choice(("file:/etc/*",)).allows("edit:/etc/a")
    assert bool(Choice()) is False
