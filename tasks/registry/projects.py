"""Projects of the registry, and the robots by which nodes pull and workstations push."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.context import context_of, site_of
from moor.errors import InputError
from moor.resources.base import Resource
from moor.secrets.secret import Secret
from moor.settings import prefix_errors, settings_of
from moor.tasks.harbor.api import api_login_of, harbor_of
from moor.tasks.registry.answers import Answers
from moor.tasks.registry.generations import Account
from moor.tasks.registry.given_logins import Login, Logins
from moor.tasks.registry.project.immutable import ImmutableRuleThing, unlisted_rules
from moor.tasks.registry.project.labels import LabelThing, unlisted_labels
from moor.tasks.registry.project.members import MemberThing, unlisted_members
from moor.tasks.registry.project.number import Place, project_number
from moor.tasks.registry.project.project import ProjectThing
from moor.tasks.registry.project.quota import QuotaThing
from moor.tasks.registry.project.removal import unlisted_projects
from moor.tasks.registry.project.retention import Retention, RetentionThing
from moor.tasks.registry.project.settings import Project, Projects, Robot
from moor.tasks.registry.project.webhooks import WebhookThing, unlisted_webhooks
from moor.tasks.registry.releases import MarkedField
from moor.tasks.registry.rights import LATER_PROJECT, right_marks
from moor.tasks.registry.robot_secret import RobotSecret
from moor.tasks.registry.robots import RobotResource, find_robot, unlisted_robots
from moor.tasks.registry.thing import Thing, Unlisted
from moor.tasks.registry.written_system import written_system


def project_things(host: Host) -> Iterator[Resource]:
    """Yield every project, each followed by everything in it."""
    endpoints = frozenset(known_endpoints(host))
    for name, project in every_project(host).items():
        yield ProjectThing(name, project.policy, endpoints)
        yield from things_in(name, project)
        for robot, what in project.robots.items():
            account = account_of(host, name, robot)
            yield robot_resource(account, account.generations.present, what)


def robot_resource(account: Account, generation: int, what: Robot) -> RobotResource:
    """Return a generation of a project's robot as a thing of Harbor's."""
    name, access = account.name_of(generation), tuple(sorted(what.access))
    return RobotResource(account.project, name, access, what.duration_days, account.secret_of(generation))


def has_mirrors(host: Host) -> bool:
    """Return whether registries are mirrored, whose models are imported only then."""
    return host.data.get("mirrors") is not None


def known_endpoints(host: Host) -> Iterator[str]:
    """Yield the endpoints that the inventory lists, and those that mirrors need."""
    system = written_system(host)
    yield from system.registries if system else ()
    if has_mirrors(host):
        from moor.tasks.registry.mirrored import mirror_endpoints

        yield from mirror_endpoints(host)


def every_project(host: Host) -> dict[str, Project]:
    """Return the projects that the inventory lists, and those that mirrors need."""
    listed = settings_of(host, Projects).by_name
    if not has_mirrors(host):
        return listed
    from moor.tasks.registry.mirrored import mirror_projects

    return {**mirror_projects(host), **listed}


def marks_of_projects(host: Host) -> Iterator[MarkedField]:
    """Yield what only some releases have of the rights of projects' robots."""
    for name, project in settings_of(host, Projects).by_name.items():
        for robot, what in project.robots.items():
            yield from right_marks(what.access, LATER_PROJECT, f"data.projects.{name}.robots.{robot}.access")


def things_in(name: str, project: Project) -> Iterator[Thing]:
    """Yield everything in a project but its robots."""
    if project.quota is not None:
        yield QuotaThing(name, project.quota)
    if project.retention is not None or project.prunes("retention"):
        yield RetentionThing(name, project.retention or Retention())
    yield from (ImmutableRuleThing(name, rule) for rule in project.immutable)
    yield from member_things(name, project)
    yield from (LabelThing(name, label, what) for label, what in project.labels.items())
    yield from (WebhookThing(name, webhook, what) for webhook, what in project.webhooks.items())


def member_things(name: str, project: Project) -> Iterator[MemberThing]:
    """Yield the members of a project: users, then groups."""
    yield from (MemberThing(name, user, role) for user, role in project.members.items())
    yield from (MemberThing(name, group, what.role, what) for group, what in project.groups.items())


def unlisted_in_projects(host: Host, answers: Answers) -> Iterator[Unlisted]:
    """Yield what Harbor has and the inventory does not list: things of projects with ``prune``, then whole projects."""
    projects = every_project(host)
    login = api_login_of(host)
    for name, project in projects.items():
        number = project_number(answers, name) if project.prune else None
        if number is not None:
            place = Place(answers, name, number)
            if project.prunes("robots"):
                accounts = (account_of(host, name, robot) for robot in project.robots)
                yield from unlisted_robots(place, {known for account in accounts for known in account.names})
            yield from _unlisted_in(place, project, login[0] if login else "")
    system = written_system(host)
    prune = system.prune if system else ()
    if "projects" in prune:
        yield from unlisted_projects(answers, projects, with_content="with_content" in prune)


def project_faults(host: Host) -> Iterator[str]:
    """Yield that a mirror's project is something else, and that every project would be unlisted.

    The latter is rather a section that was forgotten.
    """
    listed = settings_of(host, Projects).by_name
    if has_mirrors(host):
        from moor.tasks.registry.mirrored import mirror_faults

        yield from mirror_faults(host, listed)
    system = written_system(host)
    if system and "projects" in system.prune and not listed:
        yield (
            f"{host.name}: data.harbor_system.prune: projects would have every project removed, since data.projects "
            "lists none; list there those that stay"
        )


def _unlisted_in(place: Place, project: Project, own_user: str) -> Iterator[Unlisted]:
    """Yield what is unlisted in one project but robots, of the kinds that ``prune`` names; retention has its own."""
    if project.prunes("immutable"):
        yield from unlisted_rules(place, project.immutable)
    kinds = {kind for kind in ("members", "groups") if project.prunes(kind)}
    if kinds:
        yield from unlisted_members(place, list(member_things(place.name, project)), kinds, own_user)
    if project.prunes("webhooks"):
        yield from unlisted_webhooks(place, project.webhooks)
    if project.prunes("labels"):
        yield from unlisted_labels(place, project.labels)


def project_of(image: str) -> str:
    """Return the project of PROJECT/REPOSITORY:TAG; empty for an image without one, as other registries have."""
    project, slash, _ = image.partition("/")
    return project if slash else ""


def given_login(host: Host, project: str, name: str) -> Login | None:
    """Return the login of ``data.logins``, unless the project has a robot of that name."""
    projects = settings_of(host, Projects).by_name
    if project in projects and name in projects[project].robots:
        return None
    return settings_of(host, Logins).by_name.get(name)


def refuse_unknown_login(host: Host, project: str, name: str) -> None:
    """Check that a project has a robot of that name, or ``data.logins`` a login whose password can be read.

    Raises:
        InputError: neither has it, or the password cannot be read
    """
    if given := given_login(host, project, name):
        with prefix_errors(f"data.logins.{name}.password"):
            given.password.resolve()
    else:
        secret_of(host, project, name)


def account_of(host: Host, project: str, robot: str) -> Account:
    """Return a robot of a project, or of the system where ``project`` is empty.

    Raises:
        InputError: the inventory has no such robot
    """
    projects, state = settings_of(host, Projects).by_name, site_of(host).state
    if project in projects and robot in projects[project].robots:
        return Account(project, robot, state, projects[project].robots[robot].secret)
    system = written_system(host) if not project else None
    if system and robot in system.robots:
        return Account("", robot, state, system.robots[robot].secret)
    where = f"no robot {robot} in a project {project}" if project else "no project for an image without one"
    raise InputError(f"{host.name}: data.projects has {where}, and data.logins has no {robot}; write one of them")


def secret_of(host: Host, project: str, robot: str) -> RobotSecret:
    """Return where a robot's password is; raise InputError if the inventory has no such robot."""
    return account_of(host, project, robot).secret


def robot_login(task: Task, project: str, robot: str) -> tuple[str, Secret] | None:
    """Return the user and password of a robot or of a given login; None if the robot does not exist yet."""
    if given := given_login(task.host, project, robot):
        return given.user, given.password.resolve()
    account = account_of(task.host, project, robot)
    return login_in_generation(harbor_of(task), account, account.generations.present)


def is_replaced(task: Task, project: str, robot: str) -> bool:
    """Return whether the run is a plan that would replace a robot's login."""
    requests = context_of(task).replaced if task.is_dry_run() else frozenset()
    if not requests or given_login(task.host, project, robot):
        return False
    return account_of(task.host, project, robot).request in requests


def login_in_generation(harbor: Harbor, account: Account, generation: int) -> tuple[str, Secret] | None:
    """Return the user and password of a generation of a robot; None if Harbor does not have it yet."""
    secret, found = account.secret_of(generation).existing(), find_account(harbor, account, generation)
    return (str(found["name"]), secret) if found and secret else None


def find_account(harbor: Harbor, account: Account, generation: int) -> dict[str, Any] | None:
    """Return Harbor's description of a generation of a robot, None if there is none."""
    name = account.name_of(generation)
    if account.project:
        return find_robot(harbor, account.project, name)
    from moor.tasks.registry.system.robots import find_system_robot  # few fleets have robots of the system

    return find_system_robot(harbor, name)
