"""A host's name in the cluster, for a node whose name and address there are not the inventory's."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from moor.settings import Section


class ClusterNode(Section):
    """Which node of the cluster a host is; needed where neither name, address nor machine-id tell.

    Attributes:
        name: of the node, as kubectl get nodes shows it
    """

    section: ClassVar[str] = "node"

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
