"""The expiry check of the registry: its certificates, its robots, and the mount of its data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import quote
from typing import Any

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.apis.harbor_answers import ROBOTS
from moor.context import runs_registry
from moor.engine.converge import converge, read_missing, refuse_duplicates
from moor.engine.desired import desired_of
from moor.engine.findings import Expiry
from moor.engine.observation import observation_of
from moor.errors import ErrorKind, HostError
from moor.resources.base import Required, Resource, State
from moor.settings import settings_of
from moor.tasks.expiry.certificates import certificate_expiries, certificates_on_disk, report_findings
from moor.tasks.harbor.api import api_login_of
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.registry.answers import Answers, Listing, answers_of
from moor.tasks.registry.project.number import project_number
from moor.tasks.registry.project.settings import Projects
from moor.tasks.registry.robots import robots_of

EVERY_ROBOT = Listing("/robots", ROBOTS)
LONGER = "raise its duration_days in data.projects, then moor apply registry"


@dataclass(frozen=True)
class MountedAtBoot(Required):
    """A requirement that what is mounted at ``path`` is in fstab or a mount unit, so that it survives a reboot."""

    path: str

    @property
    def id(self) -> str:
        return f"mount:{self.path}"

    def desired(self, actual: State | None) -> State:
        return {"at boot": "yes"}

    def probe(self) -> str:
        return f"""\
command -v findmnt >/dev/null || {{ echo yes; exit 0; }}
m=$(findmnt -n -o TARGET --target {quote(self.path)} 2>/dev/null | tail -n 1)
case "$m" in ''|/) echo yes; exit 0;; esac
if findmnt --fstab -n -o TARGET --target "$m" 2>/dev/null | grep -qxF "$m"; then echo yes; exit 0; fi
u=$(systemd-escape -p --suffix=mount "$m" 2>/dev/null)
case $(systemctl show -p FragmentPath --value "$u" 2>/dev/null) in
/etc/*|/usr/*|/lib/*) echo yes;;
*) echo "no, $m";;
esac"""

    def actual(self, output: str) -> State | None:
        return {"at boot": output.strip() or "yes"}

    def remedy(self, actual: State | None) -> str:
        mount = str((actual or {}).get("at boot", "")).removeprefix("no, ")
        return f"{mount} is mounted by hand and will be gone after a reboot; write it into /etc/fstab"


def desired(host: Host) -> Sequence[Resource]:
    """Return the certificates and the mount to read on the registry's host; nothing on one that stands for it."""
    if not host.has_parent_group("harbor"):
        return []
    return [certificates_on_disk(host), MountedAtBoot(settings_of(host, HarborSettings).data_volume)]


def check_expiry_dates(task: Task) -> Result:
    """Report when certificates and robots expire, and whether the data survive a reboot; nothing is changed."""
    resources, seen = desired_of(task, desired), observation_of(task.host)
    refuse_duplicates(resources)
    read_missing(task, resources, seen)
    report_findings(task, certificate_expiries(task, seen.states), _robots(task))
    return converge(task, resources)


def _robots(task: Task) -> Iterator[Expiry]:
    if api_login_of(task.host) is None:
        return
    answers = answers_of(task)
    for robot in all_robots(answers, settings_of(task.host, Projects).by_name, partly=not runs_registry(task.host)):
        ends = int(robot.get("expires_at") or -1)
        if ends > 0 and not robot.get("disable"):
            name = str(robot["name"]).partition("$")[2] or str(robot["name"])
            when = datetime.fromtimestamp(ends, UTC).isoformat()
            yield Expiry(f"robot-expiry:{name}", when, f"the robot {robot['name']}", "", LONGER)


def all_robots(answers: Answers, projects: Iterable[str], *, partly: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the robots of the whole registry, then those of the projects.

    Args:
        partly: the account may see those of its projects alone; ``moor check`` says so

    Raises:
        HostError: Harbor refused to list them
    """
    try:
        yield from answers.every(EVERY_ROBOT)
    except HostError as error:
        if not partly or error.kind is not ErrorKind.PRIVILEGE:
            raise
    numbers = [number for name in projects if (number := project_number(answers, name)) is not None]
    answers.fetch(map(robots_of, numbers))
    for number in numbers:
        yield from answers.every(robots_of(number))
