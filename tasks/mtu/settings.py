"""What the inventory says of the way to the registry."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from moor.settings import Section


class MtuSettings(Section):
    """The largest packet that a host sends to the registry: docs/network.md#mtu.

    Attributes:
        registry: in bytes; ``moor check`` and ``moor diagnose`` say what arrives
    """

    section: ClassVar[str] = "mtu"

    registry: Annotated[int, Field(ge=1280, le=9000)]
