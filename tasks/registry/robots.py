"""Robot accounts of a project: their permissions, their validity, and a password that Harbor accepts."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import PROJECT, ROBOTS, HarborObject, Shape, parse_answer
from moor.errors import ErrorKind, HostError
from moor.resources.base import State
from moor.secrets.secret import Secret
from moor.tasks.registry.answers import API, BY_NAME, Answers, Listing, Login, Question
from moor.tasks.registry.project.number import PROJECTS, Place, project_number
from moor.tasks.registry.project.settings import NEVER as NEVER
from moor.tasks.registry.rights import access_of, shown_right
from moor.tasks.registry.robot_secret import RobotSecret as RobotSecret
from moor.tasks.registry.thing import Thing, Unlisted

IN_FORCE = "in force"


class AuditLogAnswer(HarborObject):
    """One line of the audit log."""

    op_time: str


AUDIT_LOGS = Shape(list[AuditLogAnswer])


def find_robot(harbor: Harbor, project: str, robot: str) -> dict[str, Any] | None:
    """Return Harbor's description of a project's robot; None if the robot or project does not exist."""
    found = harbor.get(f"/api/v2.0/projects/{project}", PROJECT, headers=BY_NAME)
    if found is None:
        return None
    # Harbor decodes the query twice, so the plus sign is quoted twice.
    query = {"q": f"Level=project,ProjectID={found['project_id']},name={project}%2B{robot}", "page_size": "100"}
    robots = harbor.get("/api/v2.0/robots", ROBOTS, query) or []
    return next((entry for entry in robots if entry["name"].endswith(f"{project}+{robot}")), None)


def robots_of(project: int) -> Listing:
    """Return the list of the robots of a project, by its number."""
    return Listing("/robots", ROBOTS, (("q", f"Level=project,ProjectID={project}"),))


@dataclass(frozen=True)
class RobotResource(Thing):
    """A project's robot with exactly these permissions, enabled, not expired, and with a password that Harbor accepts.

    Harbor counts a robot's days from its creation. A robot that would have expired by that count is deleted and made
    again with the same name and password.
    """

    project: str
    name: str
    access: tuple[str, ...]
    duration_days: int
    secret: RobotSecret

    @property
    def id(self) -> str:
        return f"robot:{self.project}+{self.name}"

    def desired(self, actual: State | None) -> State:
        return {
            "access": " ".join(self.access),
            "duration": days(self.duration_days),
            "enabled": "yes",
            "validity": self._validity(actual),
            "login": "accepted",
        }

    def _validity(self, actual: State | None) -> str:
        if actual is None or (actual["validity"] == IN_FORCE and actual["duration"] == days(self.duration_days)):
            return IN_FORCE
        lasts = would_be_in_force(str(actual["created"]), self.duration_days)
        if actual["validity"] == IN_FORCE and lasts:
            return IN_FORCE
        return f"{IN_FORCE} ({'extended' if lasts else 'made anew, since its days count from its creation'})"

    def first_questions(self) -> Iterable[Question]:
        return (PROJECTS,)

    def next_questions(self, answers: Answers) -> Iterable[Question]:
        number = project_number(answers, self.project)
        return () if number is None else (robots_of(number),)

    def last_questions(self, answers: Answers) -> Iterable[Question]:
        found = self._entry(answers)
        secret = self._untried(answers, found) if found else None
        return (Login(found["name"], secret),) if found and secret else ()

    def found(self, answers: Answers, task: Task) -> State | None:
        found = self._entry(answers)
        if found is None:
            return None
        accepted = self._logs_in(answers, found)
        if accepted and not task.is_dry_run():
            self.secret.note(self.id, found)
        return self._state(found, accepted)

    def _entry(self, answers: Answers) -> dict[str, Any] | None:
        number = project_number(answers, self.project)
        robots = () if number is None else answers.every(robots_of(number))
        return next((one for one in robots if short_name(one) == self.name), None)

    def _logs_in(self, answers: Answers, found: dict[str, Any]) -> bool:
        """Return whether Harbor accepts the password: as it did for this entry, unchanged since, or by a login."""
        secret = self._untried(answers, found)
        return bool(answers.to(Login(found["name"], secret))) if secret else self.secret.exists()

    def _untried(self, answers: Answers, found: dict[str, Any]) -> Secret | None:
        """Return the password if it is there and not known to be accepted for this entry."""
        return answers.kept(("untried", self.id), lambda: self.secret.untried(self.id, found))

    def _state(self, found: dict[str, Any], accepted: bool) -> State:
        return {
            "access": " ".join(actions_of(found)),
            "duration": days(found.get("duration", 0)),
            "enabled": "no" if found.get("disable") else "yes",
            "validity": validity(found),
            "created": str(found.get("creation_time", "")),
            "login": "accepted" if accepted else "refused",
        }

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        secret = self.secret.ensured()
        found = find_robot(harbor, self.project, self.name)
        if found and not would_be_in_force(str(found.get("creation_time", "")), self.duration_days):
            harbor.change("DELETE", f"/api/v2.0/robots/{found['id']}", None)
            found = None
        anew = found is None
        if found is None:
            harbor.change("POST", "/api/v2.0/robots", self._payload(self.name))
            found = find_robot(harbor, self.project, self.name)
        else:
            # Harbor wants the whole object with the full name, and computes the expiry from the duration.
            harbor.change("PUT", f"/api/v2.0/robots/{found['id']}", {**found, **self._payload(found["name"])})
        if found is None:
            raise HostError("Harbor made it but does not list it; run again", ErrorKind.ANSWER)
        # Harbor takes no password at the creation, and makes whoever tries a wrong one wait.
        if anew or not harbor.logs_in(found["name"], secret.reveal()):
            harbor.change("PATCH", f"/api/v2.0/robots/{found['id']}", {"secret": secret.reveal()})

    def _payload(self, name: str) -> dict[str, Any]:
        access = [access_of(word) for word in self.access]
        return {
            "name": name,
            "description": "kept by moor",
            "level": "project",
            "duration": self.duration_days,
            "disable": False,
            "permissions": [{"kind": "project", "namespace": self.project, "access": access}],
        }


def short_name(found: Mapping[str, Any]) -> str:
    """Return the name of a project's robot below its project: x of ``robot$shop+x``."""
    return str(found["name"]).rpartition("+")[2]


def unlisted_robots(place: Place, listed: Container[str]) -> Iterator[Unlisted]:
    """Yield the robots of a project that are not listed; those that Harbor makes for itself are not editable."""
    for robot in place.answers.every(robots_of(place.number)):
        if short_name(robot) not in listed and robot.get("editable", True):
            lost = {
                "access": " ".join(actions_of(robot)),
                "duration": days(robot.get("duration", 0)),
                "validity": validity(robot),
                "last use": place.answers.to(LastUse(str(robot["name"]))),
            }
            name = f"robot:{place.name}+{short_name(robot)}"
            yield Unlisted(name, tuple(lost.items()), robots_of(place.number), robot["id"], (f"/robots/{robot['id']}",))


@dataclass(frozen=True)
class LastUse:
    """When an account last did something, by Harbor's audit log, which has pulls too."""

    user: str

    def ask(self, harbor: Harbor) -> str:
        """Return the time, or that it is not known."""
        # Harbor decodes the query twice.
        query = {"q": f"username={quote(self.user)}", "page_size": "1", "sort": "-op_time"}
        answer = harbor.ask("GET", f"{API}/audit-logs", query=query)
        if not answer.is_success:
            return "not known"
        found = parse_answer(AUDIT_LOGS, answer)
        return str(found[0]["op_time"]) if found else "none in Harbor's audit log"


def validity(found: dict[str, Any], now: datetime | None = None) -> str:
    """Return ``IN_FORCE``, or since when a robot has expired."""
    ends = int(found.get("expires_at") or NEVER)
    if ends <= 0 or ends > (now or datetime.now(UTC)).timestamp():
        return IN_FORCE
    return f"expired on {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC"


def would_be_in_force(created: str, days: int, now: datetime | None = None) -> bool:
    """Return whether a robot that was created then, for so many days, would be in force now."""
    if days == NEVER:
        return True
    try:
        began = datetime.fromisoformat(created)
    except ValueError:
        return False
    began = began if began.tzinfo else began.replace(tzinfo=UTC)
    return began + timedelta(days=days) > (now or datetime.now(UTC))


def actions_of(found: dict[str, Any]) -> list[str]:
    """Return a robot's rights as the inventory writes them."""
    rights = [right for permission in found.get("permissions") or () for right in permission.get("access") or ()]
    return sorted(shown_right(right["resource"], right["action"]) for right in rights)


def days(duration: int) -> str:
    """Return a robot's days as the plan shows them."""
    return "for ever" if duration == NEVER else f"{duration} days"
