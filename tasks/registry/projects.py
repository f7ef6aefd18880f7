"""Projects of the registry, and the robots by which nodes pull and workstations push."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from pydantic import AfterValidator, ConfigDict, Field

from moor.connections.apis.harbor_answers import PROJECT
from moor.context import runs_registry, site_of
from moor.engine.converge import converge
from moor.errors import HarborUnreachable, InputError
from moor.resources.base import Remote, Resource, State
from moor.secrets.secret import Secret
from moor.settings import SecretRef, Section, prefix_errors, settings_of
from moor.settings.section import StrictModel
from moor.tasks.harbor.install import api_login_of, harbor_of, may_be_created
from moor.tasks.registry.given_logins import Login, Logins
from moor.tasks.registry.robots import BY_NAME, NEVER, RobotResource, RobotSecret, find_robot

ProjectName = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$", max_length=255)]
RobotAction = Literal["pull", "push"]


def _days_that_stay(days: int) -> int:
    """Return a robot's days; raise ValueError for 0, which Harbor replaces by 30."""
    if days == 0:
        raise ValueError("0 is 30 days to Harbor; write -1 for a robot that never expires, or its days")
    return days


class Robot(StrictModel):
    """A robot account of one project.

    Attributes:
        access: its permitted actions; push needs pull too
        duration_days: days until it expires; -1 for never
        secret: its password; without it, moor generates one and keeps it in the site's state
    """

    access: tuple[RobotAction, ...] = ("pull",)
    duration_days: Annotated[int, Field(ge=-1), AfterValidator(_days_that_stay)] = NEVER
    secret: SecretRef | None = None


class Project(StrictModel):
    """A project and its robots by name."""

    public: bool = False
    robots: dict[ProjectName, Robot] = Field(default_factory=dict)


class Projects(Section):
    """The registry's projects by name."""

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "projects"
    __pydantic_extra__: dict[ProjectName, Project]

    @property
    def by_name(self) -> dict[str, Project]:
        return dict(self.__pydantic_extra__)


def desired(host: Host) -> Sequence[Resource]:
    """Return every project, each followed by its robots."""
    if settings_of(host, Projects).by_name and api_login_of(host) is None and not runs_registry(host):
        raise InputError(
            f"{host.name}: data.projects: moor has no account of the registry to make them by; write "
            "data.harbor.account, or drop projects and write the logins that its team gave you below data.logins"
        )
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
    """Bring the registry's projects and robots to their desired state."""
    return converge(task, desired)


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


def secret_of(host: Host, project: str, robot: str) -> RobotSecret:
    """Return where a robot's password is; raise InputError if the inventory has no such robot."""
    projects = settings_of(host, Projects).by_name
    if project not in projects or robot not in projects[project].robots:
        where = f"no robot {robot} in a project {project}" if project else "no project for an image without one"
        raise InputError(f"{host.name}: data.projects has {where}, and data.logins has no {robot}; write one of them")
    path = site_of(host).state / "secrets" / f"robot-{project}-{robot}"
    return RobotSecret(path, projects[project].robots[robot].secret)


def robot_login(task: Task, project: str, robot: str) -> tuple[str, Secret] | None:
    """Return the user and password of a robot or of a given login; None if the robot does not exist yet."""
    if given := given_login(task.host, project, robot):
        return given.user, given.password.resolve()
    secret = secret_of(task.host, project, robot).existing()
    found = find_robot(harbor_of(task), project, robot)
    return (str(found["name"]), secret) if found and secret else None


@dataclass(frozen=True)
class ProjectResource(Remote):
    """A project in Harbor, public or private."""

    name: str
    public: bool

    @property
    def id(self) -> str:
        return f"project:{self.name}"

    def desired(self, actual: State | None) -> State:
        return {"public": _text(self.public)}

    def read(self, task: Task) -> State | None:
        try:
            found = harbor_of(task).get(f"/api/v2.0/projects/{self.name}", PROJECT, headers=BY_NAME)
        except HarborUnreachable:
            if may_be_created(task):
                return None
            raise
        # Metadata values are strings; anything but "true" means private.
        return {"public": _text((found.get("metadata") or {}).get("public") == "true")} if found else None

    def write(self, task: Task, actual: State | None) -> None:
        metadata = {"metadata": {"public": _text(self.public)}}
        if actual is None:
            harbor_of(task).change("POST", "/api/v2.0/projects", {"project_name": self.name, **metadata})
        else:
            harbor_of(task).change("PUT", f"/api/v2.0/projects/{self.name}", metadata, BY_NAME)


def _text(truth: bool) -> str:
    return "true" if truth else "false"
