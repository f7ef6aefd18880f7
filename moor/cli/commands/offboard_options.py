"""The options of offboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

NODES = "nodes"  # the group of the cluster's nodes


@dataclass(frozen=True)
class Leaving:
    """How a node leaves.

    Attributes:
        gone: it is not reached any more
        now: the logins that it knew are revoked without their grace period
        keep_robots: the logins that it knew stay valid
        drain: its pods are evicted first, and its node is deleted from the cluster
    """

    gone: Annotated[bool, typer.Option("--gone", help="it is not reached any more; nothing is done on it")] = False
    now: Annotated[bool, typer.Option("--now", help="revoke the logins that it knew without a grace period")] = False
    drain: Annotated[
        bool, typer.Option("--drain", help="evict its pods first, and delete its node from the cluster")
    ] = False
    keep_robots: Annotated[bool, typer.Option("--keep-robots", help="do not replace the logins that it knew")] = False
