"""The settings of the concern ``maintenance``."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator

from moor.run.rolling.windows import Window
from moor.settings import Section


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        lacking = "" if available_timezones() else "; this machine knows no zones: install its package tzdata"
        raise ValueError(f"no time zone is called {name}, such as Europe/Berlin or UTC{lacking}") from None
    return name


class Maintenance(Section):
    """When a host may be changed: [Roll-outs](roll-outs.md#maintenance-windows).

    Without windows it may be changed at any time.

    Attributes:
        windows: times of the week in which ``moor apply`` changes the host
        timezone: the zone of the windows' times, such as ``Europe/Berlin``
    """

    section: ClassVar[str] = "maintenance"

    windows: tuple[Window, ...] = ()
    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    @cached_property
    def zone(self) -> ZoneInfo:
        """Return the zone of the windows' times."""
        return ZoneInfo(self.timezone)
