"""A runbook with two files in a folder of each host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nornir.core.filter import F
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.resources.file import Directory, File
from moor.resources.requirement import Requirement
from moor.run.runbook import Runbook, Stage


def desired(host: Host) -> Sequence[Resource]:
    """Return a requirement for free space, a folder, a file that is checked, and one that is not."""
    folder = host["custom"]["folder"]
    place, owner = f"{folder}/etc", f"{Path(folder).owner()}:{Path(folder).group()}"
    check = f"[ ! -e {folder}/strict ] || {{ echo 'app.conf: line 2: unknown key' >&2; exit 1; }}"
    return [
        Requirement("room", f"[ ! -e {folder}/full ] || echo full", no_room),
        Directory(place, owner=owner),
        File(f"{place}/app.conf", "port = 8080\nhosts = all\n", owner=owner, validate=check),
        File(f"{place}/motd", f"this is {host.name}\n", owner=owner),
    ]


def no_room(output: str) -> str:
    """Report a finding."""
    return "no room is left; make some" if output else ""


def keep_berth(task: Task) -> Result:
    """Write the files."""
    return converge(task, desired(task.host))


RUNBOOK = Runbook("berth", "Two files on every host.", (Stage(keep_berth, on=F()),))
