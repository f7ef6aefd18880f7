"""Holds: what they cover, how a host keeps them, and words that are wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.cli.commands.running import run_and_report, runbook_of
from moor.cli.options import Options
from moor.context import HoldOrder, change_context
from moor.engine.holds import HeldHere, Hold, holds_in, today
from moor.run.holding import script_of
from moor.sites.site import open_site
from tests.harness.closed import Site
from tests.harness.commands import Done, moor_here
from tests.harness.shells import SHELLS, me, sh
from tests.harness.sites import Content, write_site

TOMORROW = today() + timedelta(days=1)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(name=text.filter(bool), who=text, reason=text, until=st.dates(min_value=date(2000, 1, 1)))
def test_a_hold_is_what_was_written(name: str, who: str, reason: str, until: date) -> None:
    hold = Hold(name, until, who, reason)
    state = HeldHere().actual(f"{hold.content}\n")
    assert holds_in(state, until) == (hold,)
    if until < date.max:
        assert holds_in(state, until + timedelta(days=1)) == ()  # ends by itself


@pytest.mark.parametrize(
    "line", ["", "x", "{", "[]", '{"id": "a"}', '{"id": "a", "until": "soon", "who": "", "reason": ""}']
)
def test_a_hold_that_cannot_be_read_holds_everything(line: str) -> None:
    found = holds_in({"holds": f"{line}\n"}, today())
    assert len(found) == bool(line)
    assert all(hold.covers("file:/etc/hosts") and "cannot read a file" in hold.reason for hold in found)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_host_keeps_shows_and_forgets_holds(shell: str, tmp_path: Path) -> None:
    folder = f"{tmp_path}/it's here"
    here = HeldHere(folder)

    def held() -> list[str]:
        done = sh(shell, here.probe())
        assert (done.returncode, done.stderr) == (0, b"")
        return [hold.id for hold in holds_in(here.actual(done.stdout.decode()), today())]

    assert held() == []  # a bare host
    for name in ("*", "file:/etc/x y", "service:containerd"):
        order = HoldOrder(name, TOMORROW.isoformat(), 'it\'s "my" turn; $(reboot)')
        assert sh(shell, script_of(order, folder)).returncode == 0
    assert held() == ["*", "file:/etc/x y", "service:containerd"]
    assert sh(shell, script_of(order, folder)).returncode == 0
    assert held() == ["*", "file:/etc/x y", "service:containerd"]  # the second of one id replaces the first
    assert sh(shell, script_of(HoldOrder("file:/etc/x y", releases=True), folder)).returncode == 0
    assert held() == ["*", "service:containerd"]
    assert sh(shell, script_of(HoldOrder(releases=True), folder)).returncode == 0
    assert held() == []
    assert sh(shell, script_of(HoldOrder(releases=True), folder)).returncode == 0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site")).build()
    yield site
    for door in site.doors.values():
        door.close()


def run(site: Site, *words: str) -> Done:
    return moor_here(site.folder, *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hold", "node1"), "say until when, and why: moor hold node1 --until 3d --reason"),
        (("hold", "node1", "--until", "3d"), "say until when, and why"),
        (("hold", "node1", "--until", "soon", "--reason", "x"), "--until soon: not a day; write one such as"),
        (("hold", "node1", "--until", "2020-01-01", "--reason", "x"), "must be a day from today"),
        (("hold", "node1", "--until", "999d", "--reason", "x"), "within a year"),
        (("hold", "--until", "3d", "--reason", "x"), "name what is held"),
        (("hold", "nod1", "--until", "3d", "--reason", "x"), "did you mean node1?"),
        (("hold", "node1", "--limit", "cp1", "--until", "3d", "--reason", "x"), "by --limit, not by both"),
        (("hold", "file:/etc/host", "--until", "3d", "--reason", "x"), "no host is known to have file:/etc/host"),
        (("release",), "HOST|ID"),
    ],
)
def test_wrong_words_are_one_error_before_any_host_is_asked(site: Site, words: tuple[str, ...], said: str) -> None:
    done = run(site, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert site.called() == []


def test_an_id_is_held_on_the_hosts_that_have_it(site: Site) -> None:
    done = run(
        site, "hold", "edit:/etc/hosts#*", "--until", "3d", "--reason", "x", "--output", "json", "--limit", "ws1"
    )
    assert list(json.loads(done.stdout)["hosts"]) == ["ws1"]
    assert done.returncode == 1  # nobody answers there


TASK = '''\
"""A file on each host."""

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import site_of
from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.resources.file import File


def desired(host: Host) -> list[Resource]:
    folder = site_of(host).directory
    return [File(f"{{folder}}/{{host.name}}.{{kind}}", "right\\n", owner="{owner}") for kind in ("a", "b")]


def write_files(task: Task) -> Result:
    return converge(task, desired)
'''
RUNBOOK = '''\
"""Files."""

from moor.run.runbook import Runbook, Stage
from tasks.files import write_files

RUNBOOK = Runbook("files", __doc__, (Stage(write_files),))
'''


@dataclass
class Held:
    """A site whose one host is this machine, with a directory of holds of its own."""

    site: Path
    holds: str

    def hold(self, name: str) -> None:
        order = HoldOrder(name, TOMORROW.isoformat(), "new disk")
        assert sh("dash", script_of(order, self.holds)).returncode == 0

    def statuses(self, *words: str) -> tuple[int, dict[str, str]]:
        done = moor_here(self.site, *words, "--output", "json")
        found = [one for host in done.report["hosts"].values() for one in host["resources"]]
        assert {one["held"].split(" (")[0] for one in found if one["status"] == "held"} <= {"new disk"}
        return done.returncode, {one["id"].rpartition(".")[2]: one["status"] for one in found}


@pytest.fixture
def held(tmp_path: Path, fleet: object, monkeypatch: pytest.MonkeyPatch) -> Held:
    here = HeldHere(str(tmp_path / "holds"))
    for module in ("moor.run.foresight", "moor.engine.held_changes", "moor.run.preview"):
        monkeypatch.setattr(f"{module}.HELD_HERE", here)
    files: dict[str, Content] = {
        "inventory/hosts.yaml": {"here": {"hostname": "127.0.0.1"}},
        "tasks/files.py": TASK.format(owner=me(tmp_path)),
        "runbooks/files.py": RUNBOOK,
    }
    return Held(write_site(tmp_path / "site", files), here.directory)


def test_a_hold_keeps_apply_off_what_it_covers(held: Held) -> None:
    held.hold("file:*.b")
    assert held.statuses("plan", "files") == (2, {"a": "drift", "b": "held"})
    preview = moor_here(held.site, "plan", "files", "--show-script", "--output", "json").report
    steps = preview["hosts"]["here"]["steps"]
    assert [one["resources"] for one in steps if one["does"] == "change"] == [[f"file:{held.site}/here.a"]]
    assert held.statuses("apply", "files", "--yes") == (0, {"a": "changed", "b": "held"})
    assert held.statuses("plan", "files") == (0, {"a": "ok", "b": "held"})
    said = moor_here(held.site, "apply", "files", "--yes").stdout
    assert "apply: nothing to change; 1 as they should be, 1 held" in said
    assert "held: new disk (" in said
    assert not (held.site / "here.b").exists()
    junit = moor_here(held.site, "plan", "files", "--output", "junit").stdout
    assert '<skipped message="held: new disk (' in junit


def test_a_held_host_is_left_whole_and_mended_by_nobody(held: Held) -> None:
    held.hold("*")
    assert held.statuses("drift", "--runbook", "files", "--apply", "file") == (0, {"a": "held", "b": "held"})
    assert held.statuses("apply", "files", "--yes") == (0, {"a": "held", "b": "held"})
    assert [path for path in held.site.iterdir() if path.name.startswith("here.")] == []
    for path in Path(held.holds).iterdir():
        path.unlink()
    (Path(held.holds) / "x.json").write_text("not a hold")
    assert "cannot read a file in" in moor_here(held.site, "plan", "files").stdout


def test_what_is_replaced_everywhere_is_not_replaced_past_a_held_host(held: Held) -> None:
    held.hold("*")
    nr = open_site(held.site)
    change_context(nr, replaced=frozenset({"the CA"}))
    report = run_and_report(nr, runbook_of(nr, "files"), Options(quiet=True), "cert renew")
    assert "moor release it first" in report.hosts["here"].error
    assert not (held.site / "here.a").exists()
