"""The robots whose logins are rotated: on request, by age, or since a rotation has begun."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.context import context_of, site_of
from moor.errors import InputError
from moor.settings import optional_settings_of
from moor.suggestions import did_you_mean
from moor.tasks.harbor.api import api_login_of, harbor_of
from moor.tasks.registry.generations import Account
from moor.tasks.registry.given_logins import Logins
from moor.tasks.registry.project.settings import Projects, Robot
from moor.tasks.registry.projects import find_account, robot_resource
from moor.tasks.registry.robot_secret import RotatedLogin
from moor.tasks.registry.thing import Thing
from moor.tasks.registry.written_system import written_system

PROVED = "proved"  # a folder beside the generations, with a file for each node that pulled by the present login


@dataclass(frozen=True)
class RotatedRobot:
    """A robot of the inventory, with what the inventory says of it.

    Attributes:
        at_once: the grace period of its former login is over
    """

    account: Account
    robot: RotatedLogin = field(hash=False)
    at_once: bool = False

    @property
    def id(self) -> str:
        return self.account.id

    def thing(self, generation: int) -> Thing:
        """Return a generation of it as a thing of Harbor's."""
        if isinstance(self.robot, Robot):
            return robot_resource(self.account, generation, self.robot)
        from moor.tasks.registry.system.robots import SystemRobot, SystemRobotThing  # few fleets have them

        name, secret = self.account.name_of(generation), self.account.secret_of(generation)
        return SystemRobotThing(name, cast(SystemRobot, self.robot), secret)

    def proof(self, node: str) -> Path:
        """Return the file that is there once a node has pulled by the present login."""
        return self.account.folder / PROVED / node

    def revocable_at(self) -> datetime:
        """Return when the former login may be revoked."""
        since = datetime.fromisoformat(self.account.generations.since)
        return since + timedelta(hours=0 if self.at_once else self.robot.grace_hours)

    def is_requested(self, host: Host) -> bool:
        """Return whether the user asked to rotate it and nothing of that was done yet."""
        return not self.account.generations.rotating and self.account.request in context_of(host).replaced


def robots_of_site(host: Host) -> Iterator[RotatedRobot]:
    """Yield every robot of the inventory, those of projects first."""
    state, at_once = site_of(host).state, context_of(host).grace_over
    projects, system = optional_settings_of(host, Projects), written_system(host)
    for name, project in projects.by_name.items() if projects else ():
        for robot, what in project.robots.items():
            yield RotatedRobot(Account(name, robot, state, what.secret), what, at_once)
    for robot, found in system.robots.items() if system else ():
        yield RotatedRobot(Account("", robot, state, found.secret), found, at_once)


def rotating(host: Host) -> list[RotatedRobot]:
    """Return the robots whose rotation has begun."""
    return [robot for robot in robots_of_site(host) if robot.account.generations.rotating]


def replaced(host: Host) -> list[RotatedRobot]:
    """Return the robots with a former login that is valid still."""
    return [robot for robot in robots_of_site(host) if robot.account.generations.former]


def is_due(task: Task, robot: RotatedRobot) -> bool:
    """Return whether a rotation of a robot should begin: the user asked for it, or its login is too old."""
    if robot.is_requested(task.host):
        return True
    days = robot.robot.rotate_after_days
    generations = robot.account.generations
    if days is None or generations.rotating:
        return False
    found = find_account(harbor_of(task), robot.account, generations.present)
    return bool(found) and is_too_old(str((found or {}).get("creation_time", "")), days)


def is_too_old(created: str, days: int, now: datetime | None = None) -> bool:
    """Return whether a robot that was created then is older than so many days; False where the time is no time."""
    try:
        began = datetime.fromisoformat(created)
    except ValueError:
        return False
    began = began if began.tzinfo else began.replace(tzinfo=UTC)
    return began + timedelta(days=days) <= (now or datetime.now(UTC))


def find_requests(host: Host, names: Iterable[str]) -> frozenset[str]:
    """Return the requests for the run context to rotate robots by name.

    Args:
        names: PROJECT+ROBOT, or the name of a robot of the system

    Raises:
        InputError: moor cannot rotate one of them; the error lists all
    """
    known = {robot.id: robot for robot in robots_of_site(host)}
    if wrong := [words for name in names if (words := why_not(host, name, known.get(name), known))]:
        raise InputError("\n".join(wrong))
    return frozenset(robot.account.request for name in names if not (robot := known[name]).account.generations.rotating)


def why_not(host: Host, name: str, robot: RotatedRobot | None, known: Iterable[str]) -> str:
    """Return why moor cannot rotate a robot, and what to do; empty if it can."""
    logins = optional_settings_of(host, Logins)
    if robot is None and logins and name in logins.by_name:
        return (
            f"rotate robot: {name} is a login of data.logins, which somebody else gave out; have a second one made, "
            f"write it into data.logins.{name}, run moor apply, and have the former one revoked after that"
        )
    if robot is None:
        return f"rotate robot: the inventory has no robot {name}{did_you_mean(name, known)}; write PROJECT+ROBOT"
    if api_login_of(host) is None:
        return (
            f"rotate robot: moor has no account of the registry to make robots by; write data.harbor.account for {name}"
        )
    if robot.account.reference:
        return (
            f"rotate robot: the password of {name} is your own, below secret; drop secret, so that moor makes it, "
            "or change it there, which leaves pods without a valid login until moor apply has ended"
        )
    return ""
