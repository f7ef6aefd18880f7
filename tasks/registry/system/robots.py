"""Robots of the system: accounts with rights in several projects, or on Harbor itself."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from nornir.core.task import Task
from pydantic import AfterValidator, Field, model_validator

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import ROBOTS
from moor.errors import ErrorKind, HostError
from moor.resources.base import State
from moor.tasks.registry.answers import API, Answers, Listing, Login, Question
from moor.tasks.registry.project.settings import ProjectName, days_that_stay
from moor.tasks.registry.releases import MarkedField
from moor.tasks.registry.replication.names import is_own
from moor.tasks.registry.rights import (
    LATER_PROJECT,
    LATER_SYSTEM,
    SYSTEM,
    ProjectRights,
    TwoLevels,
    access_of,
    check_rights,
    right_marks,
    shown_right,
)
from moor.tasks.registry.robot_secret import RotatedLogin
from moor.tasks.registry.robots import IN_FORCE, NEVER, LastUse, RobotSecret, days, validity, would_be_in_force
from moor.tasks.registry.system.configuration import CONFIGURATION, values_of
from moor.tasks.registry.thing import Thing, Unlisted

EVERY = "*"
DEFAULT_PREFIX = "robot$"
SYSTEM_ROBOTS = Listing("/robots", ROBOTS, (("q", "Level=system"),))


def system_rights(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return rights of the system, checked."""
    return check_rights(words, SYSTEM)


Scope = Annotated[str, Field(pattern=r"^(\*|[a-z0-9]+(?:[._-][a-z0-9]+)*)$", max_length=255)]
SystemRights = Annotated[tuple[str, ...], AfterValidator(system_rights)]


class SystemRobot(RotatedLogin):
    """A robot of the whole system.

    Attributes:
        projects: rights by project, ``*`` for all
        system: list of rights on Harbor itself, such as ``audit-log:list``
        description: free text
        duration_days: days from its creation; -1 for ever
        enabled: ``false`` for one that may not log in
    """

    projects: dict[Scope, ProjectRights] = Field(default_factory=dict)
    system: SystemRights = ()
    description: Annotated[str, Field(max_length=1024)] = "kept by moor"
    duration_days: Annotated[int, Field(ge=-1), AfterValidator(days_that_stay)] = NEVER
    enabled: bool = True

    @model_validator(mode="after")
    def _may_do_something(self) -> SystemRobot:
        if not self.projects and not self.system:
            raise ValueError("it may do nothing; write projects: {'*': [pull]}, or rights of the system")
        return self


RobotName = ProjectName


def robot_marks(robots: Mapping[str, SystemRobot], key: str) -> Iterator[MarkedField]:
    """Yield what only some releases have of robots.

    Args:
        key: their place in the inventory
    """
    for name, robot in robots.items():
        where = f"{key}.{name}"
        if robot.projects and robot.system:
            yield MarkedField(f"{where}.system", TwoLevels(2, 10))
        yield from right_marks(robot.system, LATER_SYSTEM, f"{where}.system")
        for project, rights in robot.projects.items():
            yield from right_marks(rights, LATER_PROJECT, f"{where}.projects.{project}")


def payload_of(name: str, robot: SystemRobot) -> dict[str, Any]:
    """Return what Harbor is sent; a secret is set by a request of its own."""
    grants = [("project", project, rights) for project, rights in sorted(robot.projects.items())]
    grants += [("system", "/", robot.system)] if robot.system else []
    return {
        "name": name,
        "description": robot.description,
        "level": "system",
        "duration": robot.duration_days,
        "disable": not robot.enabled,
        "permissions": [
            {"kind": kind, "namespace": place, "access": [access_of(word) for word in rights]}
            for kind, place, rights in grants
        ],
    }


def robot_of(answer: Mapping[str, Any]) -> SystemRobot:
    """Return the model of Harbor's answer, without a secret."""
    projects: dict[str, tuple[str, ...]] = {}
    system: tuple[str, ...] = ()
    for grant in answer.get("permissions") or ():
        rights = {shown_right(one["resource"], one["action"]) for one in grant.get("access") or ()}
        if grant.get("kind") == "system":
            system = tuple(sorted(rights | set(system)))
        else:
            place = str(grant.get("namespace", ""))
            projects[place] = tuple(sorted(rights | set(projects.get(place, ()))))
    return SystemRobot.model_construct(
        projects=projects,
        system=system,
        description=str(answer.get("description") or ""),
        duration_days=int(answer.get("duration") or 0),
        enabled=not answer.get("disable"),
    )


def fields_of(robot: SystemRobot) -> dict[str, str]:
    """Return a robot as text by field; its rights one place a line."""
    places = [f"{project}: {' '.join(rights)}" for project, rights in sorted(robot.projects.items())]
    places += [f"system: {' '.join(robot.system)}"] if robot.system else []
    return {
        "rights": "\n".join(places),
        "description": robot.description,
        "duration": days(robot.duration_days),
        "enabled": "yes" if robot.enabled else "no",
    }


def prefix_in(answers: Answers) -> str:
    """Return what every robot's name begins with in Harbor."""
    return str(values_of(answers).get("robot_name_prefix") or DEFAULT_PREFIX)


@dataclass(frozen=True)
class SystemRobotThing(Thing):
    """A robot of the system, in force, and with a password that Harbor accepts."""

    name: str
    robot: SystemRobot = field(hash=False)
    secret: RobotSecret

    @property
    def id(self) -> str:
        return f"system-robot:{self.name}"

    def desired(self, actual: State | None) -> State:
        fields = fields_of(self.robot) | {"validity": self._validity(actual)}
        return fields | ({"login": "accepted"} if self.robot.enabled else {})

    def _validity(self, actual: State | None) -> str:
        wanted = self.robot.duration_days
        if actual is None or (actual["validity"] == IN_FORCE and actual["duration"] == days(wanted)):
            return IN_FORCE
        lasts = would_be_in_force(str(actual["created"]), wanted)
        if actual["validity"] == IN_FORCE and lasts:
            return IN_FORCE
        return f"{IN_FORCE} ({'extended' if lasts else 'made anew, since its days count from its creation'})"

    def first_questions(self) -> Iterable[Question]:
        return (SYSTEM_ROBOTS, CONFIGURATION)

    def last_questions(self, answers: Answers) -> Iterable[Question]:
        answer, secret = self._entry(answers), self.secret.existing()
        if answer is None or secret is None or not self._may_log_in(answer) or self.secret.is_known(self.id, answer):
            return ()
        return (Login(answer["name"], secret),)

    def found(self, answers: Answers, task: Task) -> State | None:
        answer = self._entry(answers)
        if answer is None:
            return None
        accepted = self._logs_in(answers, answer)
        if accepted and not task.is_dry_run():
            self.secret.note(self.id, answer)
        return {
            **fields_of(robot_of(answer)),
            "validity": validity(answer),
            "created": str(answer.get("creation_time", "")),
            "login": "accepted" if accepted else "refused",
        }

    def _may_log_in(self, answer: Mapping[str, Any]) -> bool:
        return self.robot.enabled and not answer.get("disable")

    def _logs_in(self, answers: Answers, answer: Mapping[str, Any]) -> bool:
        """Return whether Harbor accepts the password: as it did for this entry, unchanged since, or by a login."""
        secret = self.secret.existing()
        if secret is None or not self._may_log_in(answer):
            return False
        return self.secret.is_known(self.id, answer) or bool(answers.to(Login(str(answer["name"]), secret)))

    def _entry(self, answers: Answers) -> dict[str, Any] | None:
        wanted = prefix_in(answers) + self.name
        return next((one for one in answers.every(SYSTEM_ROBOTS) if one["name"] == wanted), None)

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        secret = self.secret.ensured()
        found = find_system_robot(harbor, self.name)
        if found and not would_be_in_force(str(found.get("creation_time", "")), self.robot.duration_days):
            harbor.change("DELETE", f"{API}/robots/{found['id']}", None)
            found = None
        if found is None:
            harbor.change("POST", f"{API}/robots", payload_of(self.name, self.robot))
            found = find_system_robot(harbor, self.name)
        else:
            # Harbor wants the whole object with the full name, and computes the expiry from the duration.
            harbor.change("PUT", f"{API}/robots/{found['id']}", {**found, **payload_of(found["name"], self.robot)})
        if found is None:
            raise HostError("Harbor made it but does not list it; run again", ErrorKind.ANSWER)
        if self.robot.enabled and not harbor.logs_in(found["name"], secret.reveal()):
            harbor.change("PATCH", f"{API}/robots/{found['id']}", {"secret": secret.reveal()})


def find_system_robot(harbor: Harbor, name: str) -> dict[str, Any] | None:
    """Return Harbor's description of a robot of the system, None if there is none."""
    wanted = prefix_in(Answers(harbor)) + name
    return next((one for one in SYSTEM_ROBOTS.ask(harbor) if one["name"] == wanted), None)


def unlisted_system_robots(answers: Answers, listed: Container[str]) -> Iterator[Unlisted]:
    """Yield the robots of the system that are not listed; those that Harbor makes for itself, and a standby's, stay."""
    prefix = prefix_in(answers)
    for answer in answers.every(SYSTEM_ROBOTS):
        name = str(answer["name"]).removeprefix(prefix)
        if name in listed or is_own(name) or not answer.get("editable", True):
            continue
        fields = fields_of(robot_of(answer))
        lost = {
            "rights": fields["rights"],
            "duration": fields["duration"],
            "validity": validity(answer),
            "last use": str(answers.to(LastUse(str(answer["name"])))),
        }
        path = (f"/robots/{answer['id']}",)
        yield Unlisted(f"system-robot:{name}", tuple(lost.items()), SYSTEM_ROBOTS, answer["id"], path)
