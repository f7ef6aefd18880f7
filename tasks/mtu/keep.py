"""The MTU of the way to the registry, on the hosts of which the inventory says one."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.filter import F
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.run.runbook import INSIDERS


class HasMtu(F):
    """The filter for the fleet's hosts of which the inventory says an MTU, but for those that serve the registry."""

    def __call__(self, host: Host) -> bool:
        return host.data.get("mtu") is not None and INSIDERS(host) and not host.has_parent_group("harbor")

    def __repr__(self) -> str:
        return "<Filter (hosts with data.mtu)>"


HAS_MTU = HasMtu()


def desired(host: Host) -> Sequence[Resource]:
    """Return the routes to the registry's addresses, and the service that makes them; nothing where no MTU is said."""
    if host.data.get("mtu") is None:
        return []
    from moor.tasks.mtu.route import resources_of  # few fleets have the section

    return resources_of(host)


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of the routes where the inventory says no MTU any more."""
    from moor.tasks.mtu.route import NoRouteMtu

    return [] if host.data.get("mtu") is not None and not leaves else [NoRouteMtu()]


def keep_mtu(task: Task) -> Result:
    """Have the host send the registry no packets that are larger than the way carries."""
    return converge(task, desired)
