"""A host's clock, kept by chrony or systemd-timesyncd from the servers that the inventory names."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.filter import F
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.engine.findings import Finding
from moor.engine.observation import observation_of
from moor.engine.results import FindingResult
from moor.resources.base import Resource
from moor.run.runbook import INSIDERS
from moor.settings import settings_of


class HasTime(F):
    """The filter for the fleet's hosts of which the inventory says time servers."""

    def __call__(self, host: Host) -> bool:
        return host.data.get("time") is not None and INSIDERS(host)

    def __repr__(self) -> str:
        return "<Filter (hosts with data.time)>"


HAS_TIME = HasTime()


def package_sets(host: Host) -> list[tuple[str, ...]]:
    """Return the packages that a host may need, each set installed together; a bundle has them."""
    if host.data.get("time") is None:
        return []
    from moor.tasks.time.host import package_of
    from moor.tasks.time.settings import TimeSettings

    return [package_of(settings_of(host, TimeSettings).service)]


def desired(host: Host) -> Sequence[Resource]:
    """Return the program, its servers, its service and a clock that is set; nothing where no servers are said."""
    if host.data.get("time") is None:
        return []
    from moor.tasks.time.host import resources_of  # few fleets have the section
    from moor.tasks.time.settings import TimeSettings

    return resources_of(host, settings_of(host, TimeSettings))


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the files without moor's servers, where the inventory names none any more; the program itself stays."""
    from moor.tasks.time.host import leftovers

    return [] if host.data.get("time") is not None and not leaves else leftovers()


def talos(host: Host) -> list[dict[str, object]]:
    """Return the document of Talos' machine configuration with the inventory's servers."""
    if host.data.get("time") is None:
        return []
    from moor.tasks.time.settings import TimeSettings

    ntp = {"servers": list(settings_of(host, TimeSettings).servers)}
    return [{"apiVersion": "v1alpha1", "kind": "TimeSyncConfig", "ntp": ntp}]


def keep_time(task: Task) -> Result:
    """Have the host's clock kept from the inventory's servers; servers that others wrote are told."""
    done = converge(task, desired)
    state = observation_of(task.host).states.get("time:clock") or {}
    if others := str(state.get("others", "")):
        what = f"its clock is set from {others} too, which data.time does not name"
        remedy = f"run on {task.host.name}: chronyc -N sources; grep -r for it below /etc/chrony*; take it out"
        task.results.append(FindingResult(task.host, Finding("time:others", what, remedy, task.host.name)))
    return done
