"""The limits of the checks before a run."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from moor.settings import Section

Size = Annotated[int, Field(ge=0)]


class Preflight(Section):
    """Limits of the checks before a run.

    Attributes:
        clock_s: how far a host's clock may be off this machine's, in seconds
        registry_free_mb: free disk for Harbor, in MB; an eighth of it once Harbor is installed
        node_free_mb: free disk for a node's images, in MB
        through_proxy: ``true``: containerd and Docker are meant to reach the registry through their proxy
    """

    section: ClassVar[str] = "preflight"

    clock_s: Annotated[int, Field(ge=1)] = 60
    registry_free_mb: Size = 4096
    node_free_mb: Size = 512
    through_proxy: bool = False
