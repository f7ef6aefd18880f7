"""Container runtimes that run with the proxy of their host: those that do not are started anew, one host at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.findings import Finding
from moor.engine.observation import observation_of
from moor.engine.results import FindingResult
from moor.resources.base import Resource, State
from moor.tasks.maintenance.drain import converge_drained


def desired(host: Host) -> Sequence[Resource]:
    """Return that each runtime of the host runs with its proxy; nothing where the inventory says no proxy."""
    if host.data.get("proxy") is None:
        return []
    from moor.tasks.proxy.host import running_of  # few fleets have a proxy

    return running_of(host)


def start_with_proxy(task: Task) -> Result:
    """Start the runtimes that run without the host's proxy, or with another one.

    A file of somebody else that sets a proxy for one of them is told, and stays; so is a range of the cluster's that
    the inventory does not name.
    """
    done, host = converge_drained(task, desired), task.host
    for resource in desired(host):
        state = observation_of(host).states.get(resource.id) or {}
        task.results.extend(FindingResult(host, finding) for finding in findings_of(resource, state, host.name))
    return done


def findings_of(resource: Resource, state: State, host: str) -> Iterator[Finding]:
    """Yield what is told of a runtime's proxy and not changed."""
    from moor.tasks.proxies.no_proxy import lacking
    from moor.tasks.proxies.runtimes import RunningProxy

    if not isinstance(resource, RunningProxy):
        return
    unit, place = resource.wanted.unit, resource.wanted.place
    if others := str(state.get("others", "")):
        what = f"{others} sets a proxy for {unit} too; moor's own file comes after it"
        remedy = f"take it out of {others} on {host}, or take {place} out of the inventory"
        yield Finding(f"{resource.id}:others", what, remedy, host)
    if left := lacking(resource.wanted.no_proxy, str(state.get("ranges", "")).split()):
        what = (
            f"{', '.join(left)} of the cluster is reached through the proxy: NO_PROXY of {unit} does not leave it out"
        )
        yield Finding(f"{resource.id}:ranges", what, f"write the range into {place}.services or .pods", host)
