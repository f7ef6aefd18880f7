"""What the inventory says of a host's firewall."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, IPvAnyNetwork

from moor.settings import Section

Port = Annotated[int, Field(ge=1, le=65535)]


class Firewall(Section):
    """The firewall of a host: docs/firewall.md.

    A host without this section keeps its rules as they are.

    Attributes:
        enabled: ``false`` takes moor's rules away again
        tool: ``nftables``, ``iptables``, ``firewalld`` or ``ufw``; ``auto`` is what the host runs
        ports: further TCP ports, each with the networks that may reach it
        refuse: ``drop`` does not answer others, instead of refusing them
        undo_s: seconds after which the host undoes a change that locks moor out
    """

    section: ClassVar[str] = "firewall"

    enabled: bool = True
    tool: Literal["auto", "nftables", "iptables", "firewalld", "ufw"] = "auto"
    ports: dict[Port, tuple[IPvAnyNetwork, ...]] = Field(default_factory=dict)
    refuse: Literal["reject", "drop"] = "reject"
    undo_s: Annotated[int, Field(ge=5, le=600)] = 60
