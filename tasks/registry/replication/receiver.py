"""The robot by which a registry receives what the other one holds: in force on the standby alone.

A registry that served before, was dead, and comes back still has its rules, and would put its old tags over the newer
ones. Its robot is disabled on the one that serves now, so that nothing of it is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import ROBOTS
from moor.errors import ErrorKind, HostError
from moor.resources.base import State
from moor.tasks.registry.answers import API, Answers, Listing, Login, Question
from moor.tasks.registry.replication.names import ROBOT
from moor.tasks.registry.robots import NEVER, RobotSecret
from moor.tasks.registry.thing import Thing

SYSTEM_ROBOTS = Listing("/robots", ROBOTS)
RIGHTS = (
    ("artifact", "create"),
    ("artifact", "delete"),
    ("artifact", "list"),
    ("artifact", "read"),
    ("project", "read"),
    ("repository", "delete"),
    ("repository", "list"),
    ("repository", "pull"),
    ("repository", "push"),
    ("tag", "create"),
    ("tag", "delete"),
    ("tag", "list"),
)  # on all projects, and none of the system: with one of those, Harbor drops the others


@dataclass(frozen=True)
class ReceiverRobot(Thing):
    """The robot of the system by which the other registry pushes into this one.

    Attributes:
        receives: whether it may; false on the registry that serves
    """

    receives: bool
    secret: RobotSecret

    @property
    def id(self) -> str:
        return f"robot:{ROBOT}"

    def desired(self, actual: State | None) -> State:
        state: dict[str, Any] = {"enabled": "yes" if self.receives else "no", "rights": _words(RIGHTS)}
        return state | ({"login": "accepted"} if self.receives else {})

    def first_questions(self) -> Iterable[Question]:
        return (SYSTEM_ROBOTS,)

    def next_questions(self, answers: Answers) -> Iterable[Question]:
        found, secret = _entry(answers.every(SYSTEM_ROBOTS)), self.secret.existing()
        return (Login(found["name"], secret),) if found and secret and self.receives else ()

    def found(self, answers: Answers, task: Task) -> State | None:
        found, secret = _entry(answers.every(SYSTEM_ROBOTS)), self.secret.existing()
        if found is None:
            return None
        state = {"enabled": "no" if found.get("disable") else "yes", "rights": _words(_rights(found))}
        if not self.receives:
            return state
        accepted = secret is not None and bool(answers.to(Login(found["name"], secret)))
        return state | {"login": "accepted" if accepted else "refused"}

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        secret, found = self.secret.ensured(), _entry(SYSTEM_ROBOTS.ask(harbor))
        if found is None:
            harbor.change("POST", f"{API}/robots", self._payload(ROBOT))
            found = _entry(SYSTEM_ROBOTS.ask(harbor))
        if found is None:
            raise HostError("Harbor made it but does not list it; run again", ErrorKind.ANSWER)
        number = found["id"]
        harbor.change("PUT", f"{API}/robots/{number}", {**found, **self._payload(found["name"])})
        if self.receives and not harbor.logs_in(found["name"], secret.reveal()):
            harbor.change("PATCH", f"{API}/robots/{number}", {"secret": secret.reveal()})

    def _payload(self, name: str) -> dict[str, Any]:
        access = [{"resource": resource, "action": action} for resource, action in RIGHTS]
        return {
            "name": name,
            "description": "kept by moor: the other registry writes by it",
            "level": "system",
            "duration": NEVER,
            "disable": not self.receives,
            "permissions": [{"kind": "project", "namespace": "*", "access": access}],
        }


def _entry(robots: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the robot among those of the system, whatever prefix Harbor puts before its name."""
    return next((one for one in robots if one["name"].endswith(ROBOT)), None)


def _rights(found: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for permission in found.get("permissions") or ():
        for right in permission.get("access") or ():
            yield right["resource"], right["action"]


def _words(rights: Iterable[tuple[str, str]]) -> str:
    return " ".join(sorted(f"{resource}:{action}" for resource, action in rights))


def login_name(robots: Iterable[dict[str, Any]]) -> str:
    """Return the name by which the robot logs in; empty if it does not exist."""
    found = _entry(robots)
    return str(found["name"]) if found else ""
