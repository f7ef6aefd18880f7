"""Container runtimes that run with the proxy of their host: those that do not are started anew, one host at a time."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.findings import Finding
from moor.engine.observation import observation_of
from moor.engine.results import FindingResult
from moor.resources.base import Resource
from moor.tasks.maintenance.drain import converge_drained


def desired(host: Host) -> Sequence[Resource]:
    """Return that each runtime of the host runs with its proxy; nothing where the inventory says no proxy."""
    if host.data.get("proxy") is None:
        return []
    from moor.tasks.proxy.host import running_of  # few fleets have a proxy

    return running_of(host)


def start_with_proxy(task: Task) -> Result:
    """Start the runtimes that run without the host's proxy, or with another one.

    A file of somebody else that sets a proxy for one of them is told; it stays.
    """
    done, host = converge_drained(task, desired), task.host
    for name, state in observation_of(host).states.items():
        others = str((state or {}).get("others", "")) if name.startswith("proxy:") else ""
        if others:
            unit = name.partition(":")[2]
            what = f"{others} sets a proxy for {unit} too; moor's own file comes after it"
            remedy = f"take it out of {others} on {host.name}, or take the proxy out of the inventory"
            task.results.append(FindingResult(host, Finding(f"{name}:others", what, remedy, host.name)))
    return done
