"""Mirrors on a host: where its runtimes find the images of registries that come through this one.

What a runtime reads at every pull is written so that nothing has to start anew; CRI-O reloads.
"""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.filter import F
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.resources.base import Resource
from moor.run.runbook import INSIDERS
from moor.tasks.maintenance.drain import converge_drained


class HasMirrors(F):
    """The filter for the fleet's hosts of which the inventory says which registries are mirrored."""

    def __call__(self, host: Host) -> bool:
        return host.data.get("mirrors") is not None and INSIDERS(host)

    def __repr__(self) -> str:
        return "<Filter (hosts with data.mirrors)>"


HAS_MIRRORS = HasMirrors()


def desired(host: Host) -> Sequence[Resource]:
    """Return where each runtime of a host finds the mirrored registries; nothing where none is mirrored."""
    from moor.tasks.mirrors.runtimes import resources_of  # few fleets mirror registries

    return resources_of(host)


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of mirrors that the inventory does not list for a host."""
    from moor.tasks.mirrors.retired import leftovers_of  # few fleets mirror registries

    return leftovers_of(host, leaves)


def talos(host: Host) -> list[dict[str, object]]:
    """Return the documents of Talos' machine configuration for the registries that come through this one."""
    from moor.tasks.mirrors.talos import documents_of  # few fleets mirror registries

    return documents_of(host)


def configure_mirrors(task: Task) -> Result:
    """Have a host's runtimes take the images of mirrored registries from their caches."""
    return converge_drained(task, desired)
