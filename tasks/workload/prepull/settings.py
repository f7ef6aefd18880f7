"""Which nodes pull a workload's images before its roll-out, and how many of them at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from moor.settings.section import StrictModel

NodeName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]


class PrePullSettings(StrictModel):
    """How the images of a workload are pulled before its roll-out.

    Attributes:
        nodes: list of nodes of the cluster; all that ``labels`` choose where it is empty
        labels: labels that a node must have
        at_once: how many nodes pull at the same time
        calm_s: no further node begins while the registry takes longer to answer
        wait_s: how long it may take as a whole
    """

    nodes: tuple[NodeName, ...] = ()
    labels: dict[str, str] = Field(default_factory=dict)
    at_once: Annotated[int, Field(ge=1)] = 2
    calm_s: Annotated[float, Field(gt=0)] = 2.0
    wait_s: Annotated[int, Field(ge=1)] = 1800
