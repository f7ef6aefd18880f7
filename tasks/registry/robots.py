"""Robot accounts of a project: their rights, their days, and a password that Harbor accepts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import PROJECT, ROBOTS
from moor.errors import ErrorKind, HarborUnreachable, HostError
from moor.resources.base import Remote, State
from moor.secrets.secret import Secret, load_or_generate
from moor.settings import SecretRef, prefix_errors
from moor.tasks.harbor.install import harbor_of, may_be_created

BY_NAME = {"X-Is-Resource-Name": "true"}  # a project may be called 2024, and an id may be 2024
NEVER = -1
IN_FORCE = "in force"


@dataclass(frozen=True)
class RobotSecret:
    """Where a robot's password is: a reference of the user's, or a file that moor makes at the first apply."""

    path: Path
    given: SecretRef | None = None

    def check(self, key: str) -> None:
        """Raise InputError, with the key that names it, where the user's reference leads nowhere."""
        with prefix_errors(key):
            if self.given:
                self.given.resolve()

    def known(self) -> Secret | None:
        """Return the password, or None as long as nobody made it."""
        if self.given:
            return self.given.resolve()
        return load_or_generate(self.path) if self.path.exists() else None

    def made(self) -> Secret:
        """Return the password, made now if it has to be: before Harbor hears of it, so that it cannot be lost."""
        return self.given.resolve() if self.given else load_or_generate(self.path)


def find_robot(harbor: Harbor, project: str, robot: str) -> dict[str, Any] | None:
    """Return a project's robot as Harbor describes it."""
    prefix_errors = harbor.get(f"/api/v2.0/projects/{project}", PROJECT, headers=BY_NAME)
    if prefix_errors is None:
        return None
    # The server decodes the query once more, so that a plus sign needs two rounds of quoting.
    query = {"q": f"Level=project,ProjectID={prefix_errors['project_id']},name={project}%2B{robot}", "page_size": "100"}
    robots = harbor.get("/api/v2.0/robots", ROBOTS, query) or []
    return next((entry for entry in robots if entry["name"].endswith(f"{project}+{robot}")), None)


@dataclass(frozen=True)
class RobotResource(Remote):
    """Hold a robot of a project with just these rights, enabled, in force, and with a password that Harbor accepts.

    Harbor counts a robot's days from its creation, so that one whose days are over by then is made anew: under the same
    name, with the same password.
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
            "duration": _days(self.duration_days),
            "enabled": "yes",
            "validity": self._validity(actual),
            "login": "accepted",
        }

    def _validity(self, actual: State | None) -> str:
        if actual is None or (actual["validity"] == IN_FORCE and actual["duration"] == _days(self.duration_days)):
            return IN_FORCE
        lasts = would_be_in_force(str(actual["created"]), self.duration_days)
        if actual["validity"] == IN_FORCE and lasts:
            return IN_FORCE
        return f"{IN_FORCE} ({'extended' if lasts else 'made anew, since its days count from its creation'})"

    def read(self, task: Task) -> State | None:
        try:
            found = find_robot(harbor_of(task), self.project, self.name)
            return self._state(task, found) if found else None
        except HarborUnreachable:
            if may_be_created(task):
                return None
            raise

    def _state(self, task: Task, found: dict[str, Any]) -> State:
        secret = self.secret.known()
        # Only a login tells whether the password is right: the token service answers 200 to wrong ones.
        accepted = secret is not None and harbor_of(task).logs_in(found["name"], secret.reveal())
        return {
            "access": " ".join(_actions(found)),
            "duration": _days(found.get("duration", 0)),
            "enabled": "no" if found.get("disable") else "yes",
            "validity": validity(found),
            "created": str(found.get("creation_time", "")),
            "login": "accepted" if accepted else "refused",
        }

    def write(self, task: Task, actual: State | None) -> None:
        harbor, secret = harbor_of(task), self.secret.made()
        found = find_robot(harbor, self.project, self.name)
        if found and not would_be_in_force(str(found.get("creation_time", "")), self.duration_days):
            harbor.change("DELETE", f"/api/v2.0/robots/{found['id']}", None)
            found = None
        if found is None:
            harbor.change("POST", "/api/v2.0/robots", self._wanted(self.name))
            found = find_robot(harbor, self.project, self.name)
        else:
            # The whole object goes back, under its full name; the expiry is counted from the duration.
            harbor.change("PUT", f"/api/v2.0/robots/{found['id']}", {**found, **self._wanted(found["name"])})
        if found is None:
            raise HostError("Harbor made it, and does not list it", ErrorKind.ANSWER)
        if not harbor.logs_in(found["name"], secret.reveal()):
            harbor.change("PATCH", f"/api/v2.0/robots/{found['id']}", {"secret": secret.reveal()})

    def _wanted(self, name: str) -> dict[str, Any]:
        access = [{"resource": "repository", "action": action} for action in self.access]
        return {
            "name": name,
            "description": "kept by moor",
            "level": "project",
            "duration": self.duration_days,
            "disable": False,
            "permissions": [{"kind": "project", "namespace": self.project, "access": access}],
        }


def validity(found: dict[str, Any], now: datetime | None = None) -> str:
    """Return whether a robot may log in by its time, or since when it may not."""
    ends = int(found.get("expires_at") or NEVER)
    if ends <= 0 or ends > (now or datetime.now(UTC)).timestamp():
        return IN_FORCE
    return f"expired on {datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC"


def would_be_in_force(created: str, days: int, now: datetime | None = None) -> bool:
    """Check whether a robot that was created then is in force now, had it so many days."""
    if days == NEVER:
        return True
    try:
        began = datetime.fromisoformat(created)
    except ValueError:
        return False
    began = began if began.tzinfo else began.replace(tzinfo=UTC)
    return began + timedelta(days=days) > (now or datetime.now(UTC))


def _actions(found: dict[str, Any]) -> list[str]:
    """List what a robot may do, repository actions by their word and any other in full."""
    rights = [right for permission in found.get("permissions") or () for right in permission.get("access") or ()]
    return sorted(
        right["action"] if right["resource"] == "repository" else f"{right['resource']}:{right['action']}"
        for right in rights
    )


def _days(duration: int) -> str:
    return "for ever" if duration == NEVER else f"{duration} days"
