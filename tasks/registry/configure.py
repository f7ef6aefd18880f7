"""Harbor's configuration as data: one task that brings every thing of it to its desired state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import runs_registry
from moor.engine.converge import converge
from moor.engine.desired import desired_of
from moor.errors import HarborUnreachable, InputError
from moor.resources.base import Resource
from moor.settings import Section, optional_settings_of
from moor.tasks.harbor.admin_password import password_faults, password_things
from moor.tasks.harbor.api import api_login_of, may_be_created
from moor.tasks.registry.answers import Answers, answers_of, begin_reading
from moor.tasks.registry.flat import unreadable_secrets
from moor.tasks.registry.listed_replication import replication_things, unlisted_replication
from moor.tasks.registry.projects import (
    Projects,
    emptying_faults,
    marks_of_projects,
    project_things,
    unlisted_in_projects,
)
from moor.tasks.registry.releases import FittingRelease, marked_fields, refuse_unfit
from moor.tasks.registry.system.configuration import ReadOnly
from moor.tasks.registry.system.settings import HarborSystem
from moor.tasks.registry.system.things import (
    last_things,
    marks_of_system,
    system_robots,
    system_things,
    unlisted_in_system,
    unlisted_robots_of_system,
    weak_secrets,
)
from moor.tasks.registry.thing import Unlisted, fetch_ahead


@dataclass(frozen=True)
class Part:
    """A part of Harbor's configuration.

    Attributes:
        things: what the inventory says of it, in working order
        unlisted: what Harbor has of it, the inventory does not list, and ``prune`` has removed
    """

    things: Callable[[Host], Iterable[Resource]]
    unlisted: Callable[[Host, Answers], Iterable[Unlisted]]


def nothing_unlisted(host: Host, answers: Answers) -> Iterable[Unlisted]:
    """Return nothing, for a part of which Harbor holds no more than the inventory can say."""
    return ()


SECTIONS: tuple[type[Section], ...] = (HarborSystem, Projects)
PARTS = (  # in working order; what is unlisted goes in the opposite one
    Part(password_things, nothing_unlisted),
    Part(system_things, unlisted_in_system),
    Part(replication_things, unlisted_replication),  # before projects, of which some are caches of an endpoint
    Part(project_things, unlisted_in_projects),
    Part(system_robots, unlisted_robots_of_system),
    Part(last_things, nothing_unlisted),
)


def desired(host: Host) -> Sequence[Resource]:
    """Return every thing that the inventory says of Harbor's configuration.

    Raises:
        InputError: a secret cannot be read, the release has not all of it, or moor has no account for it
    """
    written = {model.section: found for model in SECTIONS if (found := optional_settings_of(host, model))}
    if written and api_login_of(host) is None and not runs_registry(host):
        raise InputError(
            f"{host.name}: data.{', data.'.join(written)}: moor has no account of the registry to make them by; write "
            "data.harbor.account, or drop projects and write the logins that its team gave you below data.logins"
        )
    wrong = [words for name, found in written.items() for words in unreadable_secrets(_tree(found), f"data.{name}")]
    if wrong := [*wrong, *weak_secrets(host), *password_faults(host), *emptying_faults(host)]:
        raise InputError("\n".join(wrong))
    fields = tuple(field for name, found in written.items() for field in marked_fields(_tree(found), f"data.{name}"))
    fields += (*marks_of_system(host), *marks_of_projects(host))
    refuse_unfit(host, fields)
    return [*([FittingRelease(fields)] if fields else ()), *(thing for part in PARTS for thing in part.things(host))]


def _tree(section: Section) -> object:
    """Return what a section holds: its models by name, where the names are the user's own."""
    return section.by_name if isinstance(section, Projects) else section


def configure_registry(task: Task) -> Result:
    """Bring Harbor's configuration to its desired state, and remove what is unlisted where ``prune`` says so."""
    begin_reading(task)
    things = desired_of(task, desired)
    fetch_ahead(task, things)
    closing = [thing for thing in things if isinstance(thing, ReadOnly) and thing.read_only]
    first = [thing for thing in things if thing not in closing]
    return converge(task, [*first, *unlisted(task), *closing])


def unlisted(task: Task) -> list[Unlisted]:
    """Return what is to be removed; nothing where Harbor is not there yet."""
    try:
        return [one for part in reversed(PARTS) for one in part.unlisted(task.host, answers_of(task))]
    except HarborUnreachable:
        if may_be_created(task):
            return []
        raise
