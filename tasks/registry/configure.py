"""Harbor's configuration as data: one task that brings every thing of it to its desired state."""

from __future__ import annotations

from collections.abc import Sequence

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
from moor.tasks.registry.answers import answers_of, begin_reading
from moor.tasks.registry.flat import unreadable_secrets
from moor.tasks.registry.part import Part
from moor.tasks.registry.project.settings import Projects
from moor.tasks.registry.projects import (
    has_mirrors,
    marks_of_projects,
    project_faults,
    project_things,
    unlisted_in_projects,
)
from moor.tasks.registry.releases import FittingRelease, marked_fields, refuse_unfit
from moor.tasks.registry.thing import Thing, Unlisted, fetch_ahead
from moor.tasks.registry.written_system import written_system

PASSWORD = Part(password_things, faults=password_faults)
PROJECTS = Part(project_things, unlisted_in_projects, Projects, marks_of_projects, project_faults)


def parts_of(host: Host) -> Sequence[Part]:
    """Return the parts of a host's configuration in working order; what is unlisted goes in the opposite one."""
    # Endpoints come before projects, of which some are caches of one.
    caches = _mirror_parts(host)
    if written_system(host) is None:
        return (PASSWORD, *caches, PROJECTS)
    from moor.tasks.registry import system_parts  # few fleets have them

    system, replication = system_parts.SYSTEM, system_parts.REPLICATION
    return (PASSWORD, system, replication, *caches, PROJECTS, system_parts.ROBOTS, system_parts.LAST)


def _mirror_parts(host: Host) -> Sequence[Part]:
    if not has_mirrors(host):
        return ()
    from moor.tasks.registry.mirrored import mirror_things  # few fleets have them

    return (Part(mirror_things),)


def desired(host: Host) -> Sequence[Resource]:
    """Return every thing that the inventory says of Harbor's configuration.

    Raises:
        InputError: a secret cannot be read, the release has not all of it, or moor has no account for it
    """
    parts = parts_of(host)
    sections = [part.section for part in parts if part.section]
    written = {model.section: found for model in sections if (found := optional_settings_of(host, model))}
    if written and api_login_of(host) is None and not runs_registry(host):
        raise InputError(
            f"{host.name}: data.{', data.'.join(written)}: moor has no account of the registry to make them by; write "
            "data.harbor.account, or drop projects and write the logins that its team gave you below data.logins"
        )
    wrong = [words for name, found in written.items() for words in unreadable_secrets(_tree(found), f"data.{name}")]
    if wrong := [*wrong, *(words for part in parts for words in part.faults(host))]:
        raise InputError("\n".join(wrong))
    fields = tuple(field for name, found in written.items() for field in marked_fields(_tree(found), f"data.{name}"))
    fields += tuple(field for part in parts for field in part.marks(host))
    refuse_unfit(host, fields)
    return [*([FittingRelease(fields)] if fields else ()), *(thing for part in parts for thing in part.things(host))]


def _tree(section: Section) -> object:
    """Return what a section holds: its models by name, where the names are the user's own."""
    return section.by_name if isinstance(section, Projects) else section


def configure_registry(task: Task) -> Result:
    """Bring Harbor's configuration to its desired state, and remove what is unlisted where ``prune`` says so."""
    begin_reading(task)
    things = desired_of(task, desired)
    fetch_ahead(task, things)
    closing = [thing for thing in things if isinstance(thing, Thing) and thing.closes]
    first = [thing for thing in things if thing not in closing]
    return converge(task, [*first, *unlisted(task), *closing], former=desired)


def unlisted(task: Task) -> list[Unlisted]:
    """Return what is to be removed; nothing where Harbor is not there yet."""
    parts = reversed(parts_of(task.host))
    try:
        return [one for part in parts for one in part.unlisted(task.host, answers_of(task))]
    except HarborUnreachable:
        if may_be_created(task):
            return []
        raise
