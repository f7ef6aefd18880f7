"""Which hosts a command is for: what names nobody, or proves nothing, is an error before anybody is asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from moor.cli import every_command
from moor.run.selection import concern_of_stage, find_runbook
from moor.settings.modules import SHIPPED
from tests.harness.commands import Done, moor_here
from tests.harness.sites import Content, write_site

HOSTS = """\
harbor1: {{hostname: 127.0.0.1, port: {port}, groups: [harbor]}}
node1: {{hostname: 127.0.0.2, port: {port}, groups: [nodes]}}
ws1: {{hostname: 127.0.0.3, port: {port}, groups: [workstations]}}
stranger: {{hostname: 127.0.0.4, port: {port}, groups: [outsiders]}}
"""
DEFAULTS = """\
data:
  registry: {name: registry.moor.test, address: 10.0.0.1}
"""
TASK = """\
from pathlib import Path
from nornir.core.task import Result, Task

def leave_mark(task: Task) -> Result:
    (Path(__file__).parent.parent / f"mark-{task.host.name}").touch()
    return Result(host=task.host)
"""
RUNBOOK = """\
from moor.run.runbook import Runbook, Stage
from tasks.marking import leave_mark

RUNBOOK = Runbook("marking", "Leave a mark on every host.", (Stage(leave_mark),))
"""


@dataclass
class Site:
    """A site whose hosts are one socket of this process."""

    folder: Path
    door: socket.socket

    def moor(self, *words: str) -> Done:
        """Type a command."""
        return moor_here(self.folder, *words)

    def nobody_called(self) -> bool:
        self.door.settimeout(0)
        try:
            self.door.accept()
        except BlockingIOError:
            return True
        return False


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    groups = ("harbor", "nodes", "workstations", "outsiders", "devices")
    with socket.create_server(("0.0.0.0", 0)) as door:  # noqa: S104  # each host has an address of its own
        files: dict[str, Content] = {
            "inventory/hosts.yaml": HOSTS.format(port=door.getsockname()[1]),
            "inventory/groups.yaml": {name: {} for name in groups},
            "inventory/defaults.yaml": DEFAULTS,
            "tasks/marking.py": TASK,
            "runbooks/marking.py": RUNBOOK,
        }
        yield Site(write_site(tmp_path, files), door)


COMMANDS = (
    ["check"],
    ["plan"],
    ["apply", "--yes"],
    ["verify"],
    ["diagnose"],
    ["drift"],
    ["hosts"],
    ["cert", "renew", "--yes"],
    ["rollback", "20260101-000000-abcd", "--yes"],
    ["schedule", "install", "--every", "1h"],
    ["run", "uptime"],
    ["remove", "names", "--yes"],
    ["rotate", "robot", "demo+puller", "--yes"],
    ["plan", "--out", "plan.json"],
    ["hold", "file:*", "--until", "3d", "--reason", "mine"],
    ["release", "file:*"],
)
EXAMINED_ELSEWHERE = {"import"}  # needs no inventory


def test_every_command_with_a_limit_is_among_those_whose_limit_is_examined() -> None:
    def with_limit(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if any("--limit" in parameter.opts for parameter in command.params):
            yield words
        for name, below in getattr(command, "commands", {}).items():
            yield from with_limit(below, (*words, name))

    examined = {tuple(words[:length]) for words in COMMANDS for length in (1, 2)}
    missing = {" ".join(words) for words in with_limit(get_command(every_command()), ()) if words not in examined}
    assert missing == EXAMINED_ELSEWHERE


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("", "--limit: it names nobody; write hosts or groups, or leave it out for the whole fleet"),
        (" , ", "--limit: it names nobody; write hosts or groups, or leave it out for the whole fleet"),
        ("nod1", "--limit: no host or group is called nod1; did you mean node1?"),
        ("NODE1", "--limit: no host or group is called NODE1; did you mean node1?"),
        ("node1,!", "--limit: ! excludes nobody; write a host or a group behind it"),
        ("!!node1", "--limit: no host or group is called !node1; did you mean node1?"),
        ("devices", "--limit devices: no host is left; name other hosts"),
        ("nodes,!node1", "--limit nodes,!node1: no host is left; name other hosts"),
    ],
)
def test_a_limit_that_names_nobody_is_refused_before_anybody_is_asked(
    site: Site, command: list[str], limit: str, said: str
) -> None:
    done = site.moor(*command, "--limit", limit)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"moor: {said}\n")
    assert site.nobody_called()


DOCKER = "drift docker: it has no stage for node1; it is for harbor1, ws1"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["verify", "--limit", "ws1"], "verify: it has no stage for ws1; it is for node1, stranger"),
        (["diagnose", "--limit", "ws1,harbor1"], "diagnose: it has no stage for harbor1, ws1; it is for node1"),
        (["plan", "containerd", "--limit", "ws1"], "plan containerd: it has no stage for ws1; it is for node1"),
        (
            ["apply", "registry", "--yes", "--limit", "nodes"],
            "apply registry: it has no stage for node1; it is for harbor1",
        ),
        (["drift", "--runbook", "docker", "--limit", "nodes"], DOCKER),
        (["plan", "--limit", "stranger"], "plan site: it has no stage for stranger; it is for harbor1, node1, ws1"),
        (
            ["plan", "time", "mtu"],
            "plan time mtu: no host has data.time or data.mtu in the inventory; write it below the hosts, a group or "
            "the defaults; docs/settings.md has its keys",
        ),
        (
            ["plan", "devices"],
            "plan devices: no host of the inventory is in a group that it is for; put one into devices in hosts.yaml",
        ),
    ],
)  # fmt: skip
def test_what_asks_nothing_of_anybody_is_not_all_well(site: Site, words: list[str], said: str) -> None:
    done = site.moor(*words)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"moor: {said}\n")
    assert site.nobody_called()


def test_a_host_that_a_command_passes_over_is_told(site: Site) -> None:
    site.door.close()  # node1 is not reached, which is not of this test
    assert "verify asks nothing of ws1\n" in site.moor("verify", "--limit", "ws1,node1").stderr


def test_a_stage_of_a_sites_own_changes_nothing_on_outsiders(site: Site) -> None:
    done = site.moor("apply", "marking", "--yes", "--output", "json")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in site.folder.glob("mark-*")) == ["mark-harbor1", "mark-node1", "mark-ws1"]
    assert site.moor("apply", "marking", "--yes", "--limit", "stranger").returncode == 1
    assert not (site.folder / "mark-stranger").exists()


@pytest.mark.parametrize("command", [*COMMANDS, ["cert", "show"]], ids=" ".join)
def test_a_host_that_is_kept_out_and_has_work_to_do_is_refused_before_anybody_is_asked(
    site: Site, command: list[str]
) -> None:
    file = site.folder / "inventory/hosts.yaml"
    file.write_text(file.read_text().replace("[outsiders]", "[outsiders, ours]").replace("[harbor]", "[harbor, far]"))
    with (site.folder / "inventory/groups.yaml").open("a") as groups:
        groups.write("ours: {groups: [nodes, workstations]}\nfar: {groups: [outsiders]}\n")
    done = site.moor(*command)
    assert (done.returncode, done.stdout) == (1, "")
    refused = "groups: the host is in group outsiders, on which nothing is changed, and in"
    remedy = "take it out of outsiders, or out of the other"
    assert f"inventory/hosts.yaml:1: harbor1.{refused} harbor; {remedy}\n" in done.stderr
    assert f"inventory/hosts.yaml:4: stranger.{refused} nodes, workstations; {remedy}\n" in done.stderr
    assert site.nobody_called()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["drift", "--apply", " , "], "--apply: it names no kind; write some, such as file,service, or leave it out"),
        (["onboard", "", "--yes"], "onboard: the name of a node is empty; moor hosts lists them"),
        (["hosts", "adopt", " ", "--yes"], "hosts adopt: the name of a node is empty; moor hosts lists them"),
        (["history", "--last", "9" * 30], "'--last': Input should be less than or equal to 100000"),
        (["report", "--days", "9" * 30], "'--days': Input should be less than or equal to 36500"),
        (["plan", "--workers", "9" * 30], "'--workers': Input should be less than or equal to 1000"),
        (["plan", "--workers", "-1"], "'--workers': Input should be greater than or equal to 0"),
        (["plan", "--workers", "abc"], "'--workers': Input should be a valid integer"),
        (["drift", "--watch", "9" * 30], "'--watch': Input should be less than or equal to 86400"),
    ],
)
def test_words_that_make_no_sense_are_one_clear_error(site: Site, words: list[str], said: str) -> None:
    done = site.moor(*words)
    assert (done.returncode, done.stdout, said in done.stderr, done.stderr.count("\n")) == (1, "", True, 1), done.stderr
    assert site.nobody_called()


def test_hosts_on_which_the_last_run_failed_are_chosen_by_a_word(site: Site) -> None:
    said = site.moor("plan", "--limit", "@failed").stderr
    assert said == "moor: no run is recorded yet; moor drift records the first\n"
    broken = site.folder / "mark-ws1"
    broken.symlink_to("/nowhere/mark")  # so that the mark cannot be made
    assert site.moor("apply", "marking", "--yes").returncode == 1
    broken.unlink()
    again = site.moor("apply", "marking", "--yes", "--limit", "@failed", "--output", "json")
    assert list(again.report["hosts"]) == ["ws1"]
    run = again.report["run"]
    assert site.moor("plan", "marking", "--limit", "nodes,@failed,@drifted,@late").stderr.splitlines() == [
        "moor:",
        f"  --limit: @failed: no host failed in run {run}, the last one",
        "  --limit: @drifted: no finding of a host is open (moor drift)",
        "  --limit: @late means no hosts (there are @failed and @drifted)",
    ]


def test_several_concerns_are_one_run_in_the_order_of_the_runbook_site() -> None:
    both = find_runbook(SHIPPED, "trust names")
    assert both.name == "trust names"
    wanted = [stage for stage in find_runbook(SHIPPED, "site").stages if concern_of_stage(stage) in ("trust", "names")]
    assert list(both.stages) == wanted
    assert find_runbook(SHIPPED, "names trust names").stages == both.stages


def test_runbooks_and_concerns_in_one_call_run_each_task_once() -> None:
    together = find_runbook(SHIPPED, "firewall site trust")
    tasks = [stage.task for stage in together.stages]
    assert len(tasks) == len(set(tasks))
    assert set(tasks) == {stage.task for name in ("firewall", "site") for stage in find_runbook(SHIPPED, name).stages}
    assert tasks[0] == find_runbook(SHIPPED, "firewall").stages[0].task


def test_a_drift_check_of_several_concerns_is_one_run(site: Site) -> None:
    write_site(site.folder, {"runbooks/again.py": RUNBOOK.replace('"marking"', '"again"')})
    done = site.moor("drift", "--runbook", "marking,again", "--output", "json", "--quiet")
    assert (done.returncode, done.report["runbook"]) == (0, "marking again")


def test_every_wrong_name_is_told_at_once_and_an_empty_one_too(site: Site) -> None:
    done = site.moor("plan", "nmaes", "trust", "trsut")
    assert done.returncode == 1
    assert "no runbook is called nmaes; did you mean names?" in done.stderr
    assert "no runbook is called trsut; did you mean trust? (there are: " in done.stderr
    assert site.moor("plan", "trust", "").stderr == "moor: the name of a runbook is empty; moor list shows all names\n"


def test_an_apply_of_two_runbooks_leaves_the_marks_of_both(site: Site) -> None:
    write_site(site.folder, {"runbooks/again.py": RUNBOOK.replace('"marking"', '"again"')})
    done = site.moor("apply", "marking", "again", "--yes", "--output", "json")
    assert (done.returncode, done.report["runbook"]) == (0, "marking again")
    assert len(list(site.folder.glob("mark-*"))) == 3
