"""The fleet's time zone, in which every host writes its logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Annotated, ClassVar

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from pydantic import Field

from moor.api import HostError, Resource, Scripted, Section, State, converge, settings_of


class TimeZoneSettings(Section):
    """Which zone the hosts' local time is of.

    Attributes:
        zone: its name, such as ``Europe/Berlin``
    """

    section: ClassVar[str] = "timezone"

    zone: Annotated[str, Field(pattern=r"^[A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}$")] = "Etc/UTC"


@dataclass(frozen=True)
class TimeZone(Scripted):
    """The link that says which zone the local time is of.

    Attributes:
        zone: its name
        link: the link itself
        zones: the directory of the zones' files, which tzdata brings
    """

    zone: str
    link: str = "/etc/localtime"
    zones: str = "/usr/share/zoneinfo"

    @property
    def id(self) -> str:
        """Return what plans and waivers call it."""
        return f"timezone:{self.link}"

    @property
    def writes(self) -> tuple[str, ...]:
        """Return what changes with it: a service whose ``newer_than`` names the link is restarted."""
        return (self.link,)

    def desired(self, actual: State | None) -> State:
        """Return what is compared, field by field."""
        return {"zone": self.zone}

    def probe(self) -> str:
        """Print where the link leads; nothing on a host that has none."""
        return f"[ ! -L {quote(self.link)} ] || readlink {quote(self.link)}"

    def actual(self, output: str) -> State | None:
        """Read what ``probe`` has printed."""
        if not output:
            return None
        where = output.rstrip("\n")
        if "/" not in where:
            raise HostError(f"{self.id}: it leads to {where!r}, which is no zone's file")
        return {"zone": where.partition("/zoneinfo/")[2] or where}

    def mend(self, actual: State | None) -> str:
        """Put a new link in the place of the old one in one step."""
        file, new = quote(f"{self.zones}/{self.zone}"), quote(f"{self.link}.moor")
        return f"""\
[ -f {file} ] || {{ echo {quote(f"no zone {self.zone} here; install tzdata, or write another zone")} >&2; exit 1; }}
ln -sf {file} {new} && mv -f {new} {quote(self.link)}"""


def desired(host: Host) -> Sequence[Resource]:
    """Return what the host should hold."""
    return [TimeZone(settings_of(host, TimeZoneSettings).zone)]


def keep_time_zone(task: Task) -> Result:
    """Make the host's local time that of the fleet's zone."""
    return converge(task, desired)
