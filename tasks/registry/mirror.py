"""The replication of the registry that serves to its standby: every push at once, and a catch-up by schedule."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import context_of
from moor.engine.converge import converge
from moor.engine.desired import desired_of
from moor.resources.base import Resource
from moor.settings import settings_of
from moor.tasks.facts import Registry, Standby
from moor.tasks.registry.answers import begin_reading
from moor.tasks.registry.replication.names import CATCH_UP, ON_PUSH, ROBOT, endpoint_name
from moor.tasks.registry.replication.pair import mirrors, receiver_secret, standby_of
from moor.tasks.registry.thing import fetch_ahead
from moor.tasks.registry.written_system import written_system

CATCH_UP_CRON = "0 */15 * * * *"
FAILOVER = "failover"  # the command
DESCRIPTION = "kept by moor: the standby of this registry"
PREFIX = "robot$"  # Harbor's default of what robots' names begin with


def desired(host: Host) -> Sequence[Resource]:
    """Return the endpoint of the standby and the rules that fill it, on the registry that serves."""
    standby = standby_of(host)
    if standby is None or not mirrors(host):
        return []
    from moor.tasks.registry.replication.endpoint import Endpoint, EndpointThing  # few fleets have a standby

    name, prefix = endpoint_name(standby.host), _robot_prefix(host)
    endpoint = Endpoint.model_construct(
        url=url_of(standby, settings_of(host, Registry).port),
        type="harbor",
        user=f"{prefix}{ROBOT}",
        password=None,
        check_certificate=True,
        description=DESCRIPTION,
    )
    return [EndpointThing(name, endpoint, receiver_secret(host)), *rules_of(standby, name)]


def _robot_prefix(host: Host) -> str:
    """Return what robots' login names begin with: a setting of Harbor's, which holds for both."""
    system = written_system(host)
    general = system.settings if system else None
    return (general.robot_prefix if general else None) or PREFIX


def url_of(standby: Standby, port: int) -> str:
    """Return the URL of the standby: by its address, since the registry's name leads to the one that serves."""
    place = f"[{standby.address}]" if standby.address.version == 6 else str(standby.address)
    return f"https://{place}" if port == 443 else f"https://{place}:{port}"


def rules_of(standby: Standby, endpoint: str) -> list[Resource]:
    """Return the rules: events that Harbor lost, as while the standby was down, are caught up by the second one."""
    from moor.tasks.registry.replication.rule import Rule, RuleThing

    on_push = Rule(push_to=endpoint, trigger="event", deletions=standby.deletions, description=DESCRIPTION)
    catch_up = Rule(push_to=endpoint, trigger="schedule", cron=CATCH_UP_CRON, description=DESCRIPTION)
    return [RuleThing(ON_PUSH, on_push), RuleThing(CATCH_UP, catch_up)]


def replicate_to_standby(task: Task) -> Result:
    """Make the registry that serves copy everything to its standby.

    A failover that leaves out a dead registry leaves this to the next run: Harbor takes no endpoint that is silent.
    """
    standby, context = standby_of(task.host), context_of(task)
    if standby and context.command == FAILOVER and standby.host not in context.taking_part:
        return Result(host=task.host, result=f"{standby.host} is left out")
    begin_reading(task)
    things = desired_of(task, desired)
    fetch_ahead(task, things)
    return converge(task, things, former=desired)
