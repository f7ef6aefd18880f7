"""A site of three hosts, which are folders of this machine, with two stages of which the second needs the first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.harness.commands import Done, moor_here
from tests.harness.hosts import NAMES, local_shells
from tests.harness.sites import write_site

SECRET = "Spring26"  # as people choose them, and as they are guessed
TASK = """\
from collections.abc import Sequence
from pathlib import Path

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.api import Directory, File, HostError, Later, Resource, Secret, converge

def _file(host: Host, name: str, content: str | Secret | Later, **more: str) -> File:
    folder = Path(host["custom"]["folder"])
    return File(f"{folder}/etc/{name}", content, owner=f"{folder.owner()}:{folder.group()}", **more)

"""
FIRST = f"""\
{TASK}
def desired(host: Host) -> Sequence[Resource]:
    folder = Path(host["custom"]["folder"])
    return [
        Directory(f"{{folder}}/etc", owner=f"{{folder.owner()}}:{{folder.group()}}"),
        _file(host, "motd", host["custom"].get("motd", "welcome\\n")),
        _file(host, "password", Secret("{SECRET}"), mode="0600"),
        _file(host, "made", "made here\\n", validate=f"[ ! -e {{folder}}/strict ] || exit 1"),
    ]

def write_first(task: Task) -> Result:
    if (Path(task.host["custom"]["folder"]) / "broken").exists():
        raise HostError("its disk is gone")
    return converge(task, desired)
"""
SECOND = f"""\
{TASK}
def desired(host: Host) -> Sequence[Resource]:
    made = Path(host["custom"]["folder"]) / "etc/made"
    return [_file(host, "copy", made.read_text() if made.exists() else Later("what the first stage makes"))]

def write_second(task: Task) -> Result:
    return converge(task, desired)
"""
RUNBOOK = """\
from nornir.core.filter import F
from moor.api import Runbook, Stage
from tasks.first import write_first
from tasks.second import write_second

RUNBOOK = Runbook("both", "Some files.", (Stage(write_first, on=F()), Stage(write_second, on=F())))
"""


@dataclass
class Site:
    """A site, the folders that are its hosts, and a place for the plan."""

    folder: Path
    hosts: Path

    @property
    def plan(self) -> str:
        """Return the plan's file."""
        return str(self.folder.parent / "plan.json")

    def __call__(self, *words: str) -> Done:
        """Type a command."""
        return moor_here(self.folder, *words)

    def saved(self, *words: str) -> Any:
        """Save a plan with changes, and return what its file holds."""
        done = self("plan", "both", "--out", self.plan, *words)
        assert done.returncode == 2, done.said
        return json.loads(Path(self.plan).read_text())

    def file(self, host: str, name: str) -> Path:
        """Return a file of a host."""
        return self.hosts / host / "etc" / name

    def inventory(self, **custom: dict[str, str]) -> None:
        """Write the hosts; ``custom`` is what some of them have below ``data.custom``."""
        hosts = {
            name: {"data": {"custom": {"folder": str(self.hosts / name), **custom.get(name, {})}}} for name in NAMES
        }
        write_site(self.folder, {"inventory/hosts.yaml": hosts})


@pytest.fixture
def site(tmp_path: Path, host_folder: Path) -> Iterator[Site]:
    """Write the site with bare hosts."""
    made = Site(tmp_path / "fleet", tmp_path / "hosts")
    for name in NAMES:
        (made.hosts / name).mkdir(parents=True)
    files = {"config.yaml": "runner: {plugin: serial}\n", "tasks/first.py": FIRST, "tasks/second.py": SECOND}
    write_site(made.folder, {**files, "runbooks/both.py": RUNBOOK})
    made.inventory()
    with local_shells():
        yield made
