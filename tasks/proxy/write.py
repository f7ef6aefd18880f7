"""The files by which a host's programs use its proxy; what reads them only at its start is started by its own stage.

A runtime that is started for another reason in the same run has the proxy at once, and no second start.
"""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.filter import F
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.resources.base import Resource
from moor.run.runbook import INSIDERS


class HasProxy(F):
    """The filter for the fleet's hosts of which the inventory says a proxy."""

    def __call__(self, host: Host) -> bool:
        return host.data.get("proxy") is not None and INSIDERS(host)

    def __repr__(self) -> str:
        return "<Filter (hosts with data.proxy)>"


HAS_PROXY = HasProxy()


def desired(host: Host) -> Sequence[Resource]:
    """Return the proxy's files; nothing where the inventory says no proxy."""
    if host.data.get("proxy") is None:
        return []
    from moor.tasks.proxy.host import files_of  # few fleets have a proxy

    return files_of(host)


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of what moor wrote for programs to which the inventory gives the host's proxy no more."""
    from moor.tasks.proxy.host import leftovers_of

    return leftovers_of(host, leaves)


def talos(host: Host) -> list[dict[str, object]]:
    """Return the document of Talos' machine configuration by which its services have the host's proxy.

    Raises:
        InputError: the login cannot be read
    """
    if host.data.get("proxy") is None:
        return []
    from moor.tasks.proxy.host import talos_documents

    return talos_documents(host)


def write_proxy(task: Task) -> Result:
    """Write the files by which the host's programs use its proxy."""
    return converge(task, desired)
