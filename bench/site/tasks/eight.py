"""The eight checks of the benchmark as a task of moor."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.resources.edit import Edit
from moor.resources.file import File
from moor.resources.requirement import Requirement
from moor.settings import Section, settings_of


class Eight(Section):
    """The desired state of every host.

    Attributes:
        files: by their paths
        hosts_line: of /etc/hosts
        service: one of /etc/init.d
        ruleset: as nft prints it
        room: the file system that shall have ``room_kb`` free
    """

    section: ClassVar[str] = "eight"

    files: dict[str, str]
    hosts_line: str
    service: str
    ruleset: str
    room: str
    room_kb: int


def desired(host: Host) -> Sequence[Resource]:
    """Return files and the line as resources; service, ruleset and free space as requirements."""
    eight = settings_of(host, Eight)
    return [
        *(File(path, content) for path, content in eight.files.items()),
        Edit("/etc/hosts", "bench", lambda content, _: with_line(content, eight.hosts_line)),
        Requirement("service", f"if service {eight.service} status >/dev/null; then echo runs; fi", runs),
        Requirement("ruleset", "nft list ruleset", same(eight.ruleset)),
        Requirement("room", f"df -Pk {eight.room} | tail -n 1", enough(eight.room_kb)),
    ]


def with_line(content: str, line: str) -> str:
    """Return the content with the line in it."""
    return content if line in content.splitlines() else f"{content}{line}\n"


def runs(said: str) -> str:
    """Return an error unless the service runs."""
    return "" if said.strip() == "runs" else "the service does not run; start it"


def same(ruleset: str) -> Callable[[str], str]:
    """Return a function that judges the loaded rules."""
    return lambda dump: "" if dump == ruleset else "other rules are loaded; load those of the fleet"


def enough(room_kb: int) -> Callable[[str], str]:
    """Return a function that judges the free space in df's output."""
    return lambda line: "" if int(line.split()[3]) >= room_kb else "the disk is nearly full; make room"


def hold_eight(task: Task) -> Result:
    """Bring files and the line to their desired state; check the requirements."""
    return converge(task, desired)
