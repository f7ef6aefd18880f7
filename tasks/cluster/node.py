"""The name of a host's node in the cluster, for hosts that cannot be matched to a node otherwise."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from moor.settings import Section


class ClusterNode(Section):
    """Which node of the cluster a host is.

    moor matches them by address, name, machine-id and the kubelet's name. Set this where none of them match, or where
    ClusterInventory (docs/new-nodes.md#without-writing-them-down) has to know it before any host is asked.

    Attributes:
        name: the node's name, as ``kubectl get nodes`` shows it
    """

    section: ClassVar[str] = "node"

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
