"""What the inventory says of one project."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from moor.settings import SecretRef
from moor.settings.section import StrictModel
from moor.tasks.registry.project.policy import ProjectPolicy
from moor.tasks.registry.project.quota import Quota
from moor.tasks.registry.project.retention import Retention
from moor.tasks.registry.robots import NEVER

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


class Project(ProjectPolicy):
    """A project with everything that is in it; what is not written is left as it is.

    Attributes:
        quota: the bytes that its images may take
        retention: what of it is kept when the schedule comes
        robots: its robot accounts by name
        prune: remove what Harbor has of the kinds above and this does not list
    """

    quota: Quota | None = None
    retention: Retention | None = None
    robots: dict[ProjectName, Robot] = Field(default_factory=dict)
    prune: bool = False

    @property
    def policy(self) -> ProjectPolicy:
        """Return what Harbor keeps in the project itself."""
        return ProjectPolicy.model_construct(**{name: getattr(self, name) for name in ProjectPolicy.model_fields})
