"""Container runtimes that run with the proxy of their host: those that do not are started anew, one host at a time."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.findings import Finding
from moor.engine.observation import observation_of
from moor.engine.results import FindingResult
from moor.resources.base import Resource
from moor.settings import optional_settings_of, settings_of
from moor.tasks.containerd.configure import CRI_CHECK
from moor.tasks.containerd.settings import ContainerdSettings
from moor.tasks.maintenance.drain import converge_drained
from moor.tasks.proxies.runtimes import RunningProxy
from moor.tasks.proxies.settings import ProxySettings
from moor.tasks.proxy.write import units_of

CHECKS = {"containerd": CRI_CHECK, "docker": "docker info"}


def desired(host: Host) -> Sequence[Resource]:
    """Return that each runtime of the host runs with its proxy; nothing where the inventory says no proxy."""
    if optional_settings_of(host, ProxySettings) is None:
        return []
    settle_s = settings_of(host, ContainerdSettings).settle_s
    return [RunningProxy(unit, CHECKS.get(unit.unit, ":"), settle_s) for unit in units_of(host)]


def start_with_proxy(task: Task) -> Result:
    """Start the runtimes that run without the host's proxy, or with another one.

    A file of somebody else that sets a proxy for one of them is told; it stays.
    """
    done = converge_drained(task, desired)
    for unit in units_of(task.host):
        state = observation_of(task.host).states.get(f"proxy:{unit.unit}") or {}
        if others := str(state.get("others", "")):
            what = f"{others} sets a proxy for {unit.unit} too; that of {unit.place} is in effect"
            remedy = f"take it out of {others} on {task.host.name}, or take {unit.place} out of the inventory"
            task.results.append(
                FindingResult(task.host, Finding(f"proxy:{unit.unit}:others", what, remedy, task.host.name))
            )
    return done
