"""What the inventory says of one project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from moor.errors import FieldErrors
from moor.settings import Section
from moor.tasks.registry.project.immutable import ImmutableRule
from moor.tasks.registry.project.labels import Label, LabelName
from moor.tasks.registry.project.members import Group, GroupName, Role, UserName
from moor.tasks.registry.project.policy import ProjectPolicy
from moor.tasks.registry.project.quota import Quota
from moor.tasks.registry.project.retention import Retention
from moor.tasks.registry.project.webhooks import Webhook, WebhookName
from moor.tasks.registry.rights import ProjectRights
from moor.tasks.registry.robot_secret import GENERATION, RotatedLogin
from moor.tasks.registry.robot_secret import NEVER as NEVER

ProjectName = Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[._-][a-z0-9]+)*$", max_length=255)]
InProject = Literal["retention", "immutable", "members", "groups", "webhooks", "labels", "robots"]


def days_that_stay(days: int) -> int:
    """Return a robot's days; raise ValueError for 0, which Harbor replaces by 30."""
    if days == 0:
        raise ValueError("0 is 30 days to Harbor; write -1 for a robot that never expires, or its days")
    return days


def _all_or_some(kinds: object) -> object:
    """Return the kinds of things to prune: all for true, none for false."""
    return (get_args(InProject) if kinds else ()) if isinstance(kinds, bool) else kinds


class Robot(RotatedLogin):
    """A robot account of one project.

    Attributes:
        access: list of ``pull``, ``push`` (which needs pull too), and rights such as ``artifact:list``
        duration_days: how long the robot lives; -1 is for ever
    """

    access: ProjectRights = ("pull",)
    duration_days: Annotated[int, Field(ge=-1), AfterValidator(days_that_stay)] = NEVER


class Project(ProjectPolicy):
    """A project with everything that is in it; what is not written is left as it is.

    Attributes:
        quota: how much its images may take, such as ``50 GiB``; ``unlimited``
        retention: which images are kept when the schedule comes
        immutable: list of rules: tags that nobody can move or delete
        members: users with their role: ``admin``, ``maintainer``, ``developer``, ``guest`` or ``limited_guest``
        groups: groups of users, with a role
        webhooks: addresses that are told what happened, by name
        labels: labels for images, by name
        robots: robot accounts by name
        prune: ``true``, or a list of kinds: what this does not list of the project is removed
    """

    quota: Quota | None = None
    retention: Retention | None = None
    immutable: tuple[ImmutableRule, ...] = ()
    members: dict[UserName, Role] = Field(default_factory=dict)
    groups: dict[GroupName, Group] = Field(default_factory=dict)
    webhooks: dict[WebhookName, Webhook] = Field(default_factory=dict)
    labels: dict[LabelName, Label] = Field(default_factory=dict)
    robots: dict[ProjectName, Robot] = Field(default_factory=dict)
    prune: Annotated[tuple[InProject, ...], BeforeValidator(_all_or_some)] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Project:
        if found := list(self._conflicts()):
            raise FieldErrors(found)
        return self

    def _conflicts(self) -> Iterator[tuple[tuple[str, ...], str]]:
        chosen = [rule.chosen for rule in self.immutable]
        for at, words in enumerate(chosen):
            if words in chosen[:at]:
                yield ("immutable", str(at)), f"a second rule for {words}; drop one of them"
        for robot in self.robots:
            if (first := GENERATION.sub("", robot)) != robot and first in self.robots:
                yield ("robots", robot), f"moor's own name, for a later login of {first}; write another"
        if self.proxy_cache and any("push" in robot.access for robot in self.robots.values()):
            yield ("robots",), "nobody can push into a proxy cache; let its robots pull alone"

    @property
    def policy(self) -> ProjectPolicy:
        """Return what Harbor keeps in the project itself."""
        return ProjectPolicy.model_construct(**{name: getattr(self, name) for name in ProjectPolicy.model_fields})

    def prunes(self, kind: InProject) -> bool:
        """Return whether what is not listed of a kind is removed."""
        return kind in self.prune


class Projects(Section):
    """Projects of the registry by name: docs/harbor-configuration.md.

    What is not written is left as it is.
    """

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "projects"
    __pydantic_extra__: dict[ProjectName, Project]

    @property
    def by_name(self) -> dict[str, Project]:
        return dict(self.__pydantic_extra__)
