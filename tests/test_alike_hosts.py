"""Fifty hosts that are alike cost one call of a site's own modules; fifty that differ get each their own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.harness.commands import moor_here
from tests.harness.sites import write_site

TASK = '''\
"""A file whose content is a setting."""

from typing import ClassVar

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.resources.file import File
from moor.settings import Section, settings_of
from moor.templates import render


class Notes(Section):
    section: ClassVar[str] = "notes"

    words: str = "none"

    def model_post_init(self, context: object, /) -> None:
        note("validated")


def note(what: str) -> None:
    with open(PLACE / what, "a") as file:
        print(what, file=file)


def judge(host: Host) -> None:
    note("judged")


def desired(host: Host) -> list[Resource]:
    note("asked")
    words = READS
    content = render("notes.j2", PLACE, words=words)
    note("rendered")
    return [File(str(PLACE / "notes.txt"), content)]


def write_notes(task: Task) -> Result:
    return converge(task, desired)
'''
RUNBOOK = '''\
"""Notes."""

from moor.run.runbook import Runbook, Stage
from tasks.notes import write_notes

RUNBOOK = Runbook("notes", __doc__, (Stage(write_notes),))
'''
MANY = 50


def site_of_many(folder: Path, reads: str, own: Mapping[int, Mapping[str, Any]]) -> Path:
    """Return a site of many hosts, some with settings of their own."""
    hosts = {f"host{n}": {"hostname": f"127.0.1.{n + 1}", "data": {"notes": dict(own.get(n, {}))}} for n in range(MANY)}
    place = f"__import__('pathlib').Path({str(folder)!r})"
    site = write_site(
        folder,
        {
            "config.yaml": {},
            "inventory/hosts.yaml": hosts,
            "tasks/notes.py": TASK.replace("PLACE", place).replace("READS", reads),
            "runbooks/notes.py": RUNBOOK,
            "templates/notes.j2": "{{ words }}\n",
        },
    )
    (site / "notes.txt").write_text("none\n")
    return site


def counts(site: Path) -> dict[str, int]:
    """Return how often each thing was done."""
    names = ("validated", "judged", "asked", "rendered")
    return {name: (site / name).read_text().count(name) if (site / name).exists() else 0 for name in names}


SETTING = "settings_of(host, Notes).words"


@pytest.mark.parametrize(
    ("reads", "own", "asked", "validated"),
    [
        (SETTING, {}, 1, 1),
        (SETTING, {n: {"words": "odd"} for n in (7, 8, 9)}, 2, 2),
        (SETTING, {n: {"words": f"number {n}"} for n in range(MANY)}, MANY, MANY),
        ("host.name", {}, MANY, 1),
    ],
    ids=["equal", "two kinds", "different", "by name"],
)
@pytest.mark.usefixtures("fleet")
def test_modules_are_asked_once_a_kind_of_hosts_and_each_host_has_its_own_plan(
    tmp_path: Path, reads: str, own: dict[int, dict[str, Any]], asked: int, validated: int
) -> None:
    site = site_of_many(tmp_path / "site", reads, own)
    report = moor_here(site, "plan", "notes", "--output", "json").report
    assert counts(site) == {"validated": validated, "judged": 1, "asked": asked, "rendered": asked}
    wanted = {
        f"host{n}": f"host{n}" if reads == "host.name" else own.get(n, {}).get("words", "none") for n in range(MANY)
    }
    assert {name: added(host) for name, host in report["hosts"].items()} == wanted


def added(host: Mapping[str, Any]) -> str:
    """Return the content that the plan of a host writes; that of the file where it is left."""
    ((one),) = host["resources"]
    return next((line[1:] for line in one["diff"].splitlines() if line.startswith("+")), "none")
