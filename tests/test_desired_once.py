"""A task module is asked once a run for what a host should hold; a mending that is refused is reported in full."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from moor.output.grouping import HOST
from tests.harness.commands import moor_here
from tests.harness.shells import me
from tests.harness.sites import write_site

TASK = '''\
"""A file on each host, and what is asked of this module."""

from pathlib import Path

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.errors import UnfitInput
from moor.resources.base import Resource
from moor.resources.file import File
from moor.context import site_of

OWNER = "{owner}"


def judge(host: Host) -> None:
    if (site_of(host).directory / "unfit").exists():
        raise UnfitInput("data.pki.certificate: it has ended; bring another one")


def desired(host: Host) -> list[Resource]:
    with (site_of(host).directory / "asked").open("a") as asked:
        print(host.name, file=asked)
    return [File(str(site_of(host).directory / host.name), "content\\n", owner=OWNER)]


def write_note(task: Task) -> Result:
    return converge(task, desired)
'''
RUNBOOK = '''\
"""Notes."""

from moor.run.runbook import Runbook, Stage
from tasks.notes import write_note

RUNBOOK = Runbook("notes", __doc__, (Stage(write_note),))
'''
WORDS = """\
def judge(word: str) -> bool:
    return word.isupper()


def desired(word: str) -> str:
    return word.upper()
"""
HOSTS = ("one", "two")


@pytest.fixture
def site(tmp_path: Path, fleet: object) -> Path:
    """Return a site of two hosts that are folders of this machine."""
    return write_site(
        tmp_path / "site",
        {
            "config.yaml": {},
            "inventory/hosts.yaml": {name: {"hostname": f"127.0.0.{n}"} for n, name in enumerate(HOSTS, 1)},
            "tasks/notes.py": TASK.format(owner=me(tmp_path)),
            "runbooks/notes.py": RUNBOOK,
        },
    )


def asked(site: Path) -> Counter[str]:
    """Return how often the module was asked for each host since the last time."""
    names = Counter((site / "asked").read_text().split())
    (site / "asked").unlink()
    return names


def test_a_function_that_a_task_module_only_imports_is_not_taken_for_its_own(site: Path) -> None:
    (site / "tasks/words.py").write_text(WORDS)
    task = (site / "tasks/notes.py").read_text()
    own = task.replace("def judge(", "def _judge(").replace("desired", "_desired")
    (site / "tasks/notes.py").write_text(f"from tasks.words import desired, judge\n{own}")
    assert moor_here(site, "apply", "notes", "--yes").returncode == 0
    assert (site / "one").read_text() == "content\n"
    assert asked(site) == dict.fromkeys(HOSTS, 1)  # by the stage itself, which nobody could ask beforehand


@pytest.mark.parametrize("words", [("plan", "notes"), ("drift", "--runbook", "notes")])
def test_each_module_is_asked_once_a_host_and_run(site: Path, words: tuple[str, ...]) -> None:
    assert moor_here(site, *words).returncode == 2
    assert asked(site) == dict.fromkeys(HOSTS, 1)


def test_an_apply_asks_again_at_the_stage_since_an_earlier_one_may_have_made_something(site: Path) -> None:
    assert moor_here(site, "apply", "notes", "--yes").returncode == 0
    assert set(asked(site).values()) == {2}


def test_a_check_that_mends_asks_once_before_and_once_after(site: Path) -> None:
    assert moor_here(site, "drift", "--runbook", "notes", "--apply", "file").returncode == 0
    assert asked(site) == dict.fromkeys(HOSTS, 1 + 2 + 1)  # the check, an apply, the check
    assert (site / "one").read_text() == "content\n"


@pytest.mark.parametrize("output", ["text", "json", "junit", "metrics"])
def test_a_mending_that_is_refused_is_told_with_what_the_check_found(site: Path, output: str) -> None:
    (site / "unfit").touch()
    done = moor_here(site, "drift", "--runbook", "notes", "--apply", "file", "--output", output)
    assert done.returncode == 1
    assert not (site / "one").exists()
    if output == "metrics":
        assert 'moor_mended{host="one",kind="host",status="failed"} 1.0' in done.stdout
        return
    assert "not mended: data.pki.certificate: it has ended; bring another one" in done.stdout
    named = HOST if output == "text" else "one"  # what is alike on both hosts is one block
    assert f"file:{site}/{named}" in done.stdout
    if output == "json":
        report = json.loads(done.stdout)
        assert [one["status"] for host in report["hosts"].values() for one in host["resources"]] == ["drift"] * 2
        assert {host["error"].partition(":")[0] for host in report["mended"]["hosts"].values()} == {"not mended"}
