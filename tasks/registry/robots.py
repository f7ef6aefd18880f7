"""Robot accounts of a project: their permissions, their validity, and a password that Harbor accepts."""

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

BY_NAME = {"X-Is-Resource-Name": "true"}  # without it, Harbor takes a project named 2024 for an id
NEVER = -1
IN_FORCE = "in force"


@dataclass(frozen=True)
class RobotSecret:
    """The place of a robot's password: the user's secret reference, or a file that moor makes at the first apply."""

    path: Path
    reference: SecretRef | None = None

    def check(self, key: str) -> None:
        """Raise InputError, with the inventory's ``key``, if the secret reference cannot be resolved."""
        with prefix_errors(key):
            if self.reference:
                self.reference.resolve()

    def existing(self) -> Secret | None:
        """Return the password; None if it was not generated yet."""
        if self.reference:
            return self.reference.resolve()
        return load_or_generate(self.path) if self.path.exists() else None

    def ensured(self) -> Secret:
        """Return the password; generate and save it first if needed, so that it is not lost if the run dies."""
        return self.reference.resolve() if self.reference else load_or_generate(self.path)


def find_robot(harbor: Harbor, project: str, robot: str) -> dict[str, Any] | None:
    """Return Harbor's description of a project's robot; None if the robot or project does not exist."""
    found = harbor.get(f"/api/v2.0/projects/{project}", PROJECT, headers=BY_NAME)
    if found is None:
        return None
    # Harbor decodes the query twice, so the plus sign is quoted twice.
    query = {"q": f"Level=project,ProjectID={found['project_id']},name={project}%2B{robot}", "page_size": "100"}
    robots = harbor.get("/api/v2.0/robots", ROBOTS, query) or []
    return next((entry for entry in robots if entry["name"].endswith(f"{project}+{robot}")), None)


@dataclass(frozen=True)
class RobotResource(Remote):
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
        secret = self.secret.existing()
        # Only a login tests the password: the token service answers 200 to a wrong one too.
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
        harbor, secret = harbor_of(task), self.secret.ensured()
        found = find_robot(harbor, self.project, self.name)
        if found and not would_be_in_force(str(found.get("creation_time", "")), self.duration_days):
            harbor.change("DELETE", f"/api/v2.0/robots/{found['id']}", None)
            found = None
        if found is None:
            harbor.change("POST", "/api/v2.0/robots", self._payload(self.name))
            found = find_robot(harbor, self.project, self.name)
        else:
            # Harbor wants the whole object with the full name, and computes the expiry from the duration.
            harbor.change("PUT", f"/api/v2.0/robots/{found['id']}", {**found, **self._payload(found["name"])})
        if found is None:
            raise HostError("Harbor made it but does not list it; run again", ErrorKind.ANSWER)
        if not harbor.logs_in(found["name"], secret.reveal()):
            harbor.change("PATCH", f"/api/v2.0/robots/{found['id']}", {"secret": secret.reveal()})

    def _payload(self, name: str) -> dict[str, Any]:
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


def _actions(found: dict[str, Any]) -> list[str]:
    """Return a robot's permissions: repository actions as ACTION, any other as RESOURCE:ACTION."""
    rights = [right for permission in found.get("permissions") or () for right in permission.get("access") or ()]
    return sorted(
        right["action"] if right["resource"] == "repository" else f"{right['resource']}:{right['action']}"
        for right in rights
    )


def _days(duration: int) -> str:
    return "for ever" if duration == NEVER else f"{duration} days"
