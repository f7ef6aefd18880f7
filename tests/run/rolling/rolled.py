"""A site of six hosts that are folders of this machine, of which one comes first."""

from __future__ import annotations

import json
from pathlib import Path

from tests.harness.shells import me
from tests.harness.sites import write_site

TASK = """\
from pathlib import Path
from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from moor.api import File, HostError, converge

def desired(host: Host) -> list[File]:
    return [File(f"{host['custom']['folder']}/one", "1\\n", owner=host["custom"]["owner"])]

def write_one(task: Task) -> Result:
    folder = Path(task.host["custom"]["folder"])
    with (folder.parent / "turns").open("a") as turns:
        turns.write(f"{task.host.name} ")
    if (folder / "sick").exists():
        raise HostError("it is sick")
    return converge(task, desired)

def tell_end(task: Task) -> Result:
    with (Path(task.host["custom"]["folder"]).parent / "turns").open("a") as turns:
        turns.write("end ")
    return Result(host=task.host)
"""
RUNBOOK = """\
from moor.run.runbook import Runbook, Stage, members
from tasks.one import tell_end, write_one

RUNBOOK = Runbook(
    "one",
    "One file.",
    (
        Stage(write_one, on=members("first"), ahead=True),
        Stage(write_one, on=members("nodes")),
        Stage(tell_end, on=members("first"), by_api=True),
    ),
)
"""
NAMES = ("base", "node1", "node2", "node3", "node4", "node5")


class Rolled:
    """A site of six hosts, of which one comes first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        custom = {name: json.dumps({"folder": str(folder / name), "owner": me(folder)}) for name in NAMES}
        hosts = [
            f"{name}: {{groups: [{'first' if name == 'base' else 'nodes'}], data: {{custom: {custom[name]}}}}}\n"
            for name in NAMES
        ]
        for name in NAMES:
            (folder / name).mkdir()
        own = {"tasks/one.py": TASK, "runbooks/one.py": RUNBOOK, "inventory/groups.yaml": "first: {}\nnodes: {}\n"}
        self.site = write_site(folder / "site", {"inventory/hosts.yaml": "".join(hosts), **own})

    def give(self, name: str, section: str) -> None:
        """Write a section of data for one host."""
        hosts = self.site / "inventory/hosts.yaml"
        lines = hosts.read_text().splitlines()
        at = next(at for at, line in enumerate(lines) if line.startswith(f"{name}:"))
        lines[at] = lines[at].replace("data: {", f"data: {{{section}, ")
        hosts.write_text("\n".join(lines))

    def turns(self) -> str:
        """Return the hosts in the order of their turns, and forget them."""
        told = (self.folder / "turns").read_text().strip()
        (self.folder / "turns").unlink()
        return told
