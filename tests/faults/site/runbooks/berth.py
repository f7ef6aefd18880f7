"""Berth: plain resources of every kind that a fault may hit, and a service one host at a time.

Changes   files below /etc/berth; on the hosts of group served the service berth
Groups    all hosts; odd also holds a file whose name and content are not UTF-8
Run       moor apply berth
"""

from collections.abc import Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.resources.file import File
from moor.resources.requirement import Clock
from moor.resources.service import Service
from moor.run.runbook import ONE_BY_ONE, Runbook, Stage, members

CONFIG, SHARED, ODD = "/etc/berth/app.conf", "/etc/berth/shared.conf", "/etc/berth/caf\udce9.conf"
UNIT = "/etc/systemd/system/berth.service"
CONTENT = "".join(f"key{number} = value\n" for number in range(40))
# A test that wants something to happen in the middle of a script leaves it here.
HOOK = "[ ! -e /run/berth-hook ] || sh /run/berth-hook"
SERVICE = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"


def desired(host: Host) -> Sequence[Resource]:
    """Return a file of our own, and a line in a file that others own too."""
    odd = [File(ODD, "na\udcefve\n")] if host.has_parent_group("odd") else []
    return [Clock(), File(CONFIG, CONTENT, validate=HOOK), Edit(SHARED, "berth", with_line), *odd]


def with_line(content: str, facts: str) -> str:
    """Add a line where it is missing."""
    line = "berth = 1\n"
    return content if line in content else content + line


def moor_berth(task: Task) -> Result:
    """Return the host its files."""
    return converge(task, desired(task.host))


def serve(task: Task) -> Result:
    """Keep the service running, started after its file."""
    check = f"{HOOK}; [ ! -e /run/berth-sick ]"
    service = Service("berth", newer_than=(CONFIG, UNIT), check=check, settle_s=3, put_back=True)
    return converge(task, [File(UNIT, SERVICE), service])


RUNBOOK = Runbook(
    "berth",
    "Plain resources on every host, then a service, one host at a time.",
    (Stage(moor_berth), Stage(serve, on=members("served"), rolling=ONE_BY_ONE)),
)
