"""The settings of the concern ``maintenance``."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from moor.run.rolling.windows import Window
from moor.settings import Section
from moor.settings.section import StrictModel


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        lacking = "" if available_timezones() else "; this machine knows no zones: install its package tzdata"
        raise ValueError(f"no time zone is called {name}, such as Europe/Berlin or UTC{lacking}") from None
    return name


class Drain(StrictModel):
    """How the pods of a node are moved away before a restart that would end them.

    Attributes:
        timeout_s: how long it may take; pods that a PodDisruptionBudget keeps are tried again until then
        grace_s: how long each pod may take to end; else as the pod itself says
        empty_dir: evict pods with data in an ``emptyDir`` too, which is lost
        unmanaged: evict pods too that no controller makes again
    """

    timeout_s: Annotated[int, Field(ge=1, le=86_400)] = 300
    grace_s: Annotated[int, Field(ge=0, le=86_400)] | None = None
    empty_dir: bool = False
    unmanaged: bool = False


def _drain(value: object) -> object:
    """Return the settings that ``true`` and ``false`` stand for."""
    return {True: {}, False: None}.get(value, value) if isinstance(value, bool) else value


class Maintenance(Section):
    """When a host may be changed: [Roll-outs](roll-outs.md#maintenance-windows).

    Without windows it may be changed at any time.

    Attributes:
        windows: times of the week in which ``moor apply`` changes the host
        timezone: the zone of the windows' times, such as ``Europe/Berlin``
        drain: ``true``, or how: before moor restarts the node's runtime, its pods are moved to other nodes
    """

    section: ClassVar[str] = "maintenance"

    windows: tuple[Window, ...] = ()
    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    drain: Annotated[Drain | None, BeforeValidator(_drain)] = None

    @cached_property
    def zone(self) -> ZoneInfo:
        """Return the zone of the windows' times."""
        return ZoneInfo(self.timezone)
