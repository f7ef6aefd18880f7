"""The failover itself: the last copy, and the move of the registry's name from one registry to the other.

The command puts the new host into the run context before these tasks run, so that everything which follows (names, DNS,
the direction of replication) is planned and made as for any other change of the inventory. What was decided is in the
site's active.yaml: a run that dies is continued by the next one.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.apis.harbor import Harbor
from moor.context import context_of, fleet_of, site_of
from moor.engine.converge import converge
from moor.errors import ErrorKind, HostError, InputError, MoorError
from moor.resources.base import Remote, Resource, State
from moor.settings.active import ActiveFile, ActiveRegistry
from moor.settings.document import InputFaults
from moor.tasks.facts import own_registry
from moor.tasks.harbor.health import find_unhealthy_components
from moor.tasks.registry.answers import API, Answers
from moor.tasks.registry.replication.fence import Writable, is_read_only
from moor.tasks.registry.replication.lag import lag_between, read_held
from moor.tasks.registry.replication.names import CATCH_UP
from moor.tasks.registry.replication.pair import harbor_at, standby_of
from moor.tasks.registry.replication.rule_answers import RULES

POLL_S = 1.0
ANSWER_S = 5.0
COPY_S = 1800.0
RUNNING = "InProgress"
NO_LOSS = "nothing"


def active_registry(host: Host) -> tuple[ActiveFile, ActiveRegistry]:
    """Return the file that says which registry serves, and what it says now, with the first one where it is silent."""
    site = site_of(host)
    file, faults = ActiveFile.of(site.active, site.directory), InputFaults()
    found, _ = file.read(faults)
    faults.raise_if_any()
    return file, found.model_copy(update={"serving": found.serving or context_of(host).registry_pair[0]})


def take_over(task: Task) -> Result:
    """Copy what the standby lacks, and let it serve the registry's name; what was done already is left alone.

    Raises:
        HostError: the new registry is not healthy, or lacks something after the last copy
    """
    return converge(task, resources_of(task.host))


def resources_of(host: Host) -> Sequence[Resource]:
    """Return the steps of a failover to ``host``, in their order.

    The last copy is only made while the other one still serves, and takes part in the run: it is left out if it is
    dead, or if the user wants to lose what it has.

    Raises:
        InputError: the host has no standby
    """
    other = standby_of(host)
    if other is None:
        raise InputError(f"{host.name}: it has no standby; write data.registry.standby (docs/two-registries.md)")
    _, active = active_registry(host)
    if active.serving == host.name:
        return [Health(host.name), *([Writable()] if active.moving_to else []), ServingHost(host.name)]
    last = [ReadOnly(other.host), CopiedOver(other.host, host.name)]
    drained = last if other.host in context_of(host).taking_part else []
    return [Health(host.name), Moving(host.name), *drained, ServingHost(host.name)]


@dataclass(frozen=True)
class Health(Remote):
    """The new registry must be healthy in all its parts, or nothing is moved."""

    host: str

    @property
    def id(self) -> str:
        return f"takeover:{self.host}"

    def desired(self, actual: State | None) -> State:
        return {"health": "healthy"}

    def refusal(self, actual: State | None, desired: State | None) -> str:
        return f"it cannot take over: {actual['health'] if actual else 'no answer'}; moor apply harbor mends it"

    def read(self, task: Task) -> State | None:
        with harbor_at(task.host) as harbor:
            answer = harbor.ask("GET", f"{API}/health")
        sick = find_unhealthy_components(answer.status_code, answer.content)
        return {"health": "; ".join(f"{name}: {words}" for name, words in sorted(sick.items())) or "healthy"}

    def write(self, task: Task, actual: State | None) -> None:
        raise AssertionError("a registry that is not healthy is refused")


@dataclass(frozen=True)
class Moving(Remote):
    """The note that a failover has begun, by which the next run goes on with it."""

    host: str

    @property
    def id(self) -> str:
        return "failover:moving"

    def desired(self, actual: State | None) -> State:
        return {"to": self.host}

    def read(self, task: Task) -> State | None:
        _, active = active_registry(task.host)
        return {"to": active.moving_to} if active.moving_to else None

    def write(self, task: Task, actual: State | None) -> None:
        file, active = active_registry(task.host)
        file.replace(active.model_copy(update={"moving_to": self.host}))


@dataclass(frozen=True)
class ReadOnly(Remote):
    """The registry that still serves takes no pushes during the last copy; pulls go on."""

    host: str

    @property
    def id(self) -> str:
        return f"failover:read-only:{self.host}"

    def desired(self, actual: State | None) -> State:
        return {"read_only": "true"}

    def read(self, task: Task) -> State | None:
        with harbor_at(fleet_of(task).hosts[self.host]) as harbor:
            return {"read_only": "true" if is_read_only(Answers(harbor)) else "false"}

    def write(self, task: Task, actual: State | None) -> None:
        with harbor_at(fleet_of(task).hosts[self.host]) as harbor:
            harbor.change("PUT", f"{API}/configurations", {"read_only": True})


@dataclass(frozen=True)
class CopiedOver(Remote):
    """Everything that the registry which still serves holds is in the new one too."""

    source: str
    sink: str

    @property
    def id(self) -> str:
        return f"failover:copied:{self.source}"

    @property
    def bound_s(self) -> float:
        return COPY_S

    def desired(self, actual: State | None) -> State:
        return {"missing": NO_LOSS}

    def read(self, task: Task) -> State | None:
        hosts = fleet_of(task).hosts
        with harbor_at(hosts[self.source]) as source, harbor_at(hosts[self.sink]) as sink:
            lag = lag_between(read_held(source), read_held(sink))
        return {"missing": f"{len(lag.missing)}: {lag.names}" if lag.missing else NO_LOSS}

    def write(self, task: Task, actual: State | None) -> None:
        with harbor_at(fleet_of(task).hosts[self.source]) as harbor:
            run_rule(harbor, CATCH_UP)
        if (left := self.read(task)) and left["missing"] != NO_LOSS:
            raise HostError(
                f"{self.sink} lacks {left['missing']}; look at the executions of {CATCH_UP} in {self.source}'s pages. "
                f"Nothing was moved, and {self.source} takes no pushes: run moor failover again, give it up by moor "
                f"failover {self.source}, or lose them by moor failover {self.sink} --unsynced",
                ErrorKind.UNMET,
            )


def run_rule(harbor: Harbor, name: str) -> None:
    """Run a replication rule now, and wait until it has ended.

    Raises:
        HostError: there is no such rule, or it does not end in time
    """
    rule = next((one for one in RULES.ask(harbor) if one["name"] == name), None)
    if rule is None:
        raise HostError(f"replication:{name}: Harbor does not have it; moor apply registry makes it", ErrorKind.UNMET)
    made = harbor.change("POST", f"{API}/replication/executions", {"policy_id": rule["id"]})
    place, end = made.headers["Location"], time.monotonic() + COPY_S
    while harbor.ask("GET", place).json().get("status") == RUNNING:
        if time.monotonic() > end:
            raise HostError(
                f"replication:{name}: it runs for more than {COPY_S / 60:.0f} minutes; look at its "
                "executions in Harbor's "
                "pages, then run again",
                ErrorKind.TIMEOUT,
            )
        time.sleep(POLL_S)


@dataclass(frozen=True)
class ServingHost(Remote):
    """The host that serves the registry's name; names and DNS follow it in the next stages."""

    host: str

    @property
    def id(self) -> str:
        return "failover:serving"

    def desired(self, actual: State | None) -> State:
        return {"host": self.host}

    def read(self, task: Task) -> State | None:
        _, active = active_registry(task.host)
        return {"host": active.serving}

    def write(self, task: Task, actual: State | None) -> None:
        file, active = active_registry(task.host)
        file.replace(active.model_copy(update={"serving": self.host, "moving_to": active.moving_to or self.host}))


class Takeover:
    """The part of the runbook ``failover`` that ``moor failover`` calls."""

    def trouble_of(self, host: Host) -> str:
        """Return why the registry on a host does not answer; empty if it does."""
        registry = own_registry(host)
        try:
            socket.create_connection((str(registry.address), registry.port), ANSWER_S).close()
        except OSError as error:
            return f"{registry.address}: no answer: {error}"
        try:
            with harbor_at(host) as harbor:
                harbor.ask("GET", f"{API}/health")
        except MoorError as error:
            return str(error)
        return ""

    def end(self, host: Host) -> None:
        """Note that the failover to ``host`` has ended."""
        file, active = active_registry(host)
        if active.moving_to:
            file.replace(ActiveRegistry(serving=host.name))
