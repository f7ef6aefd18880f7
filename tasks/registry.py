"""Projects of the registry, and the robots by which nodes pull and workstations push."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from pydantic import ConfigDict, Field

from moor.connections.harbor import Harbor, NotThere
from moor.engine.converge import converge
from moor.errors import HostError, InputError
from moor.resources.base import Remote, Resource, State
from moor.secrets import Secret, generated
from moor.settings import SecretRef, Section, about, settings_of, site_of
from moor.settings.section import Strict
from tasks.harbor import harbor_of

BY_NAME = {"X-Is-Resource-Name": "true"}  # a project may be called 2024, and an id may be 2024
NEVER = -1
ProjectName = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$", max_length=255)]
Action = Literal["pull", "push"]


class Robot(Strict):
    """A robot account of one project.

    access         what it may do; push needs pull too
    duration_days  -1 is for ever
    secret         its password; without it moor makes one and keeps it in the site's state
    """

    access: tuple[Action, ...] = ("pull",)
    duration_days: Annotated[int, Field(ge=-1)] = NEVER
    secret: SecretRef | None = None


class Project(Strict):
    """A project and its robots by name."""

    public: bool = False
    robots: dict[ProjectName, Robot] = Field(default_factory=dict)


class Projects(Section):
    """The registry's projects by name."""

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "projects"
    __pydantic_extra__: dict[str, Project]

    @property
    def by_name(self) -> dict[str, Project]:
        return dict(self.__pydantic_extra__)


def desired(host: Host) -> Sequence[Resource]:
    """Every project, each followed by its robots."""
    for name, project in settings_of(host, Projects).by_name.items():
        for robot in project.robots:
            secret_of(host, name, robot).check(f"data.projects.{name}.robots.{robot}.secret")
    resources: list[Resource] = []
    for name, project in settings_of(host, Projects).by_name.items():
        resources.append(ProjectResource(name, project.public))
        resources.extend(
            RobotResource(name, robot, tuple(sorted(what.access)), what.duration_days, secret_of(host, name, robot))
            for robot, what in project.robots.items()
        )
    return resources


def configure_registry(task: Task) -> Result:
    """Make the registry's projects and robots what the inventory says."""
    return converge(task, desired(task.host))


@dataclass(frozen=True)
class RobotSecret:
    """Where a robot's password is: a reference of the user's, or a file that moor makes at the first apply."""

    path: Path
    given: SecretRef | None = None

    def check(self, key: str) -> None:
        """Raise InputError, with the key that names it, where the user's reference leads nowhere."""
        with about(key):
            if self.given:
                self.given.resolve()

    def known(self) -> Secret | None:
        """Give the password, or None as long as nobody made it."""
        if self.given:
            return self.given.resolve()
        return generated(self.path) if self.path.exists() else None

    def made(self) -> Secret:
        """Give the password, made now if it has to be: before Harbor hears of it, so that it cannot be lost."""
        return self.given.resolve() if self.given else generated(self.path)


def secret_of(host: Host, project: str, robot: str) -> RobotSecret:
    """Give the password of a robot of ``projects``; raises InputError where the inventory has no such robot."""
    projects = settings_of(host, Projects).by_name
    if project not in projects or robot not in projects[project].robots:
        raise InputError(f"{host.name}: data.projects has no robot {robot} in a project {project}")
    path = site_of(host).state / "secrets" / f"robot-{project}-{robot}"
    return RobotSecret(path, projects[project].robots[robot].secret)


def robot_login(task: Task, project: str, robot: str) -> tuple[str, Secret] | None:
    """Give user name and password of a robot, the name as Harbor says it; None as long as there is no such robot."""
    secret = secret_of(task.host, project, robot).known()
    found = find_robot(harbor_of(task), project, robot)
    return (str(found["name"]), secret) if found and secret else None


def find_robot(harbor: Harbor, project: str, robot: str) -> dict[str, Any] | None:
    """Give a project's robot as Harbor describes it."""
    about = harbor.get(f"/api/v2.0/projects/{project}", headers=BY_NAME)
    if about is None:
        return None
    # The server decodes the query once more, so that a plus sign needs two rounds of quoting.
    query = {"q": f"Level=project,ProjectID={about['project_id']},name={project}%2B{robot}", "page_size": "100"}
    robots = harbor.get("/api/v2.0/robots", query)
    return next((entry for entry in robots if entry["name"].endswith(f"{project}+{robot}")), None)


@dataclass(frozen=True)
class ProjectResource(Remote):
    """Hold a project, public or private."""

    name: str
    public: bool

    @property
    def id(self) -> str:
        return f"project:{self.name}"

    def desired(self, actual: State | None) -> State:
        return {"public": _word(self.public)}

    def read(self, task: Task) -> State | None:
        try:
            found = harbor_of(task).get(f"/api/v2.0/projects/{self.name}", headers=BY_NAME)
        except NotThere:
            if task.is_dry_run():
                return None
            raise
        # Metadata are text, and what is not "true" is private.
        return {"public": _word(found["metadata"].get("public") == "true")} if found else None

    def write(self, task: Task, actual: State | None) -> None:
        metadata = {"metadata": {"public": _word(self.public)}}
        if actual is None:
            harbor_of(task).change("POST", "/api/v2.0/projects", {"project_name": self.name, **metadata})
        else:
            harbor_of(task).change("PUT", f"/api/v2.0/projects/{self.name}", metadata, BY_NAME)


@dataclass(frozen=True)
class RobotResource(Remote):
    """Hold a robot of a project with just these rights, enabled, and with a password that the registry accepts."""

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
            "login": "accepted",
        }

    def read(self, task: Task) -> State | None:
        try:
            found = find_robot(harbor_of(task), self.project, self.name)
            return self._state(task, found) if found else None
        except NotThere:
            if task.is_dry_run():
                return None
            raise

    def _state(self, task: Task, found: dict[str, Any]) -> State:
        secret = self.secret.known()
        # Only a login tells whether the password is right: the token service answers 200 to wrong ones.
        accepted = secret is not None and harbor_of(task).logs_in(found["name"], secret.reveal())
        return {
            "access": " ".join(_actions(found)),
            "duration": _days(found["duration"]),
            "enabled": "no" if found.get("disable") else "yes",
            "login": "accepted" if accepted else "refused",
        }

    def write(self, task: Task, actual: State | None) -> None:
        harbor, secret = harbor_of(task), self.secret.made()
        found = find_robot(harbor, self.project, self.name)
        if found is None:
            harbor.change("POST", "/api/v2.0/robots", self._wanted(self.name))
            found = find_robot(harbor, self.project, self.name)
        else:
            # The whole object goes back, under its full name; the expiry is counted from the duration.
            harbor.change("PUT", f"/api/v2.0/robots/{found['id']}", {**found, **self._wanted(found["name"])})
        if found is None:
            raise HostError("Harbor made it, and does not list it")
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


def _actions(found: dict[str, Any]) -> list[str]:
    """List what a robot may do, repository actions by their word and any other in full."""
    rights = [right for permission in found["permissions"] for right in permission["access"]]
    return sorted(
        right["action"] if right["resource"] == "repository" else f"{right['resource']}:{right['action']}"
        for right in rights
    )


def _days(duration: int) -> str:
    return "for ever" if duration == NEVER else f"{duration} days"


def _word(truth: bool) -> str:
    return "true" if truth else "false"
