"""A second task that writes the file of test_runbook.py, with content of its own."""

from __future__ import annotations

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.resources.file import File


def desired(host: Host) -> list[Resource]:
    return [File(f"{host['folder']}/one", "another\n")]


def write_another(task: Task) -> Result:
    return converge(task, desired)
