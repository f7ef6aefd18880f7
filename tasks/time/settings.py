"""What the inventory says of time servers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from moor.settings import Section

Server = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$")]


class TimeSettings(Section):
    """Where a host's clock is set from, and by which program: docs/time.md.

    Attributes:
        servers: the time servers, names or addresses
        service: ``chrony`` or ``timesyncd``; without it, the one that the host has, chrony where it has both or none
        offset_ms: how far the clock may be off its servers' time, in milliseconds
    """

    section: ClassVar[str] = "time"

    servers: Annotated[tuple[Server, ...], Field(min_length=1)]
    service: Literal["chrony", "timesyncd"] | None = None
    offset_ms: Annotated[int, Field(ge=1)] = 500
