"""The watch over a registry and its standby: how far the standby is behind, and whether its copies succeed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.context import fleet_of
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import MoorError
from moor.tasks.facts import Standby
from moor.tasks.registry.answers import API
from moor.tasks.registry.replication.lag import Lag, lag_between, read_held
from moor.tasks.registry.replication.names import CATCH_UP, RULES
from moor.tasks.registry.replication.pair import harbor_at, standby_of
from moor.tasks.registry.replication.rule_answers import RULES as ALL_RULES
from moor.tasks.registry.replication.takeover import active_registry

FAILED = "Failed"


class ExecutionAnswer(HarborObject):
    """One execution of a replication rule."""

    status: str
    status_text: str | None = None
    start_time: str = ""


EXECUTIONS = Shape(list[ExecutionAnswer])


def watch_standby(task: Task) -> Result:
    """Report a standby that is behind, copies that fail, and a failover that has not ended; nothing is changed."""
    found = list(standby_findings(task))
    task.results.extend(FindingResult(task.host, one) for one in found)
    return Result(host=task.host, result=f"{len(found)} findings")


def standby_findings(task: Task) -> Iterator[Finding]:
    """Yield everything that keeps the standby from taking over without a loss; nothing where there is none."""
    standby = standby_of(task.host)
    if standby is None:
        return
    yield from unfinished(task.host)
    other = fleet_of(task).hosts[standby.host]
    try:
        with harbor_at(task.host) as source:
            yield from failures(source)
            with harbor_at(other) as sink:
                lag = lag_between(read_held(source), read_held(sink))
    except MoorError as error:
        yield Finding("standby:lag", f"how far {standby.host} is behind is unknown: {error}", "moor apply harbor")
    else:
        yield from behind(standby, lag)


def unfinished(host: Host) -> Iterator[Finding]:
    """Yield a finding for a failover that began and has not ended."""
    _, active = active_registry(host)
    if active.moving_to:
        yield Finding(
            "failover:unfinished",
            f"a failover to {active.moving_to} has not ended; {active.serving} serves the registry's name",
            f"moor failover {active.moving_to} goes on with it, moor failover {active.serving} gives it up"
            if active.moving_to != active.serving
            else f"moor failover {active.moving_to} goes on with it",
        )


def behind(standby: Standby, lag: Lag) -> Iterator[Finding]:
    """Yield a finding if the standby has lacked something for longer than it may."""
    minutes = lag.minutes()
    if lag.missing and (lag.since is None or minutes >= standby.lag_minutes):
        yield Finding(
            "standby:lag",
            f"{standby.host} lacks {_many(len(lag.missing), 'artifact')}, the oldest pushed "
            f"{_many(minutes, 'minute')} ago: {lag.names}",
            f"look at the executions of {CATCH_UP} in Harbor's pages; moor apply registry restores the rules",
        )


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def failures(harbor: Harbor) -> Iterator[Finding]:
    """Yield a finding for each of moor's rules whose last execution failed."""
    for rule in ALL_RULES.ask(harbor):
        if rule["name"] in RULES and rule.get("enabled"):
            query = {"policy_id": str(rule["id"]), "page_size": "1"}
            last: list[dict[str, Any]] = harbor.get(f"{API}/replication/executions", EXECUTIONS, query) or []
            if last and last[0]["status"] == FAILED:
                words = last[0].get("status_text") or "no reason given"
                yield Finding(
                    f"standby:{rule['name']}",
                    f"the last execution of {rule['name']}, of {last[0].get('start_time', '')[:16]}, failed: {words}",
                    "look at its tasks in Harbor's pages; the next catch-up tries again",
                )
