"""Former values beside a setting are right too until a day: no drift, not mended unattended, moved by an apply."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from moor.engine.holds import today
from tests.harness.commands import moor_here
from tests.harness.shells import me
from tests.harness.sites import write_site

TASK = '''\
"""Two files of a host that follow from one setting, and one that does not."""

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import site_of
from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.resources.file import File
from moor.settings import Section, settings_of

OWNER = "{owner}"


class Notes(Section):
    section = "notes"
    text: str
    other: str = "x"


def desired(host: Host) -> list[Resource]:
    notes, folder = settings_of(host, Notes), site_of(host).directory / "files"
    one = File(f"{{folder}}/{{host.name}}", f"{{notes.text}}\\n", owner=OWNER)
    return [one, File(f"{{folder}}/{{host.name}}.other", f"{{notes.other}}\\n", owner=OWNER)]


def write_note(task: Task) -> Result:
    return converge(task, desired)
'''
RUNBOOK = '''\
"""Notes."""

from moor.run.runbook import Runbook, Stage
from tasks.notes import write_note

RUNBOOK = Runbook("notes", __doc__, (Stage(write_note),))
'''
DAY = (today() + timedelta(days=3)).isoformat()


def written(site: Path, former: str) -> Path:
    """Write the inventory: the text is new, with ``former`` beside it."""
    (site / "inventory/defaults.yaml").write_text(f"data:\n  notes:\n    text: new\n{former}")
    return site


@pytest.fixture
def site(tmp_path: Path, fleet: object) -> Path:
    """Return a site of two hosts that are folders of this machine; both have the former text."""
    site = write_site(
        tmp_path / "site",
        {
            "inventory/hosts.yaml": {name: {"hostname": f"127.0.0.{n}"} for n, name in enumerate(("here", "there"), 1)},
            "tasks/notes.py": TASK.format(owner=me(tmp_path)),
            "runbooks/notes.py": RUNBOOK,
        },
    )
    (site / "files").mkdir()
    for name in ("here", "there"):
        (site / "files" / name).write_text("old\n")
        (site / "files" / f"{name}.other").write_text("x\n")
    return written(site, f"    until: {{day: {DAY}, former: {{text: old}}}}\n")


def statuses(site: Path, *words: str) -> tuple[int, dict[str, str]]:
    done = moor_here(site, *words, "--output", "json")
    hosts = done.report["hosts"].items()
    return done.returncode, {Path(one["id"]).name: one["status"] for _, host in hosts for one in host["resources"]}


RIGHT = {"here.other": "ok", "there.other": "ok"}


def test_both_values_are_right_until_the_day_and_an_apply_moves(site: Path) -> None:
    assert statuses(site, "drift", "--runbook", "notes") == (0, {"here": "held", "there": "held"} | RIGHT)
    told = moor_here(site, "drift", "--runbook", "notes", "--quiet").stdout
    assert f"held: the former value of data.notes is right until {DAY}" in told
    assert "-old" in told
    assert statuses(site, "plan", "notes") == (2, {"here": "drift", "there": "drift"} | RIGHT)
    assert statuses(site, "apply", "notes", "--yes", "--limit", "here")[0] == 0
    assert statuses(site, "drift", "--runbook", "notes") == (0, {"here": "ok", "there": "held"} | RIGHT)


def test_a_third_value_is_drift_and_only_that_is_mended_unattended(site: Path) -> None:
    (site / "files/here").write_text("neither\n")
    (site / "files/there.other").write_text("neither\n")
    found = {"here": "drift", "here.other": "ok", "there": "held", "there.other": "drift"}
    assert statuses(site, "drift", "--runbook", "notes") == (2, found)
    assert statuses(site, "drift", "--runbook", "notes", "--apply", "file")[0] == 0
    texts = {path.name: path.read_text() for path in (site / "files").iterdir()}
    assert texts == {"here": "new\n", "here.other": "x\n", "there": "old\n", "there.other": "x\n"}


def test_the_former_value_is_drift_once_the_day_is_over(site: Path) -> None:
    written(site, "    until: {day: 2020-01-01, former: {text: old}}\n")
    assert statuses(site, "drift", "--runbook", "notes") == (2, {"here": "drift", "there": "drift"} | RIGHT)


@pytest.mark.parametrize(
    ("former", "said"),
    [
        ("    until: soon\n", "defaults.yaml:4: data.notes.until: must be a day and the former values: {day:"),
        (
            "    until: {day: soon, former: {text: a}}\n",
            "data.notes.until.day: not a day; write one such as",
        ),
        (f"    until: {{day: {DAY}, former: old}}\n", "data.notes.until.former: must be the former values"),
        (f"    until: {{day: {DAY}, former: {{txt: a}}}}\n", "txt: no such key; did you mean text?"),
        (f"    until: {{day: {DAY}, former: {{text: []}}}}\n", "until.former.text: must be text"),
        (f"    until: {{day: {DAY}, former: {{text: a}}, x: 1}}\n", "must be a day and the former values"),
    ],
)
def test_what_is_wrong_beside_a_setting_is_told_with_its_place(site: Path, former: str, said: str) -> None:
    done = moor_here(written(site, former), "plan", "notes")
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr, done.stderr
