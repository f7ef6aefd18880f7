"""A robot's password: where it is, and for which entry of Harbor's it was accepted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from moor.errors import FieldErrors
from moor.secrets.secret import Secret, load_or_generate
from moor.settings import SecretRef
from moor.settings.section import StrictModel
from moor.tasks.registry.fingerprints import DIRECTORY, Fingerprints

GENERATION = re.compile(r"\.g([2-9]|[1-9][0-9]+)$")  # the end of the name of a robot's later generation
NEVER = -1  # days of a robot that does not expire


class RotatedLogin(StrictModel):
    """A robot's login, and when another takes its place.

    Attributes:
        secret: its password. Without it moor makes one
        rotate_after_days: age at which its login is replaced (docs/pull-secrets.md#by-age)
        grace_hours: how long the former login stays valid after the new one has taken its place
        unproved_nodes: whether a node that runs pods from the registry, and is no host of the inventory, has to be one
            before the former login is revoked
    """

    secret: SecretRef | None = None
    rotate_after_days: Annotated[int, Field(ge=1)] | None = None
    grace_hours: Annotated[float, Field(ge=0, le=24 * 365)] = 1
    unproved_nodes: Literal["refuse", "accept"] = "refuse"

    @model_validator(mode="after")
    def _can_be_rotated(self) -> RotatedLogin:
        days = getattr(self, "duration_days", NEVER)
        if self.rotate_after_days and self.secret:
            words = "the password is your own, below secret; drop secret, so that moor makes one, or drop this"
            raise FieldErrors([(("rotate_after_days",), words)])
        if self.rotate_after_days and days != NEVER and self.rotate_after_days >= days:
            raise FieldErrors([(("rotate_after_days",), f"it expires after {days} days; write fewer than these")])
        return self


def secret_path(state: Path, project: str, robot: str) -> Path:
    """Return where the password is that moor makes for a project's robot, below the site's state."""
    return state / "secrets" / f"robot-{project}-{robot}"


@dataclass(frozen=True)
class RobotSecret:
    """The place of a robot's password: the user's secret reference, or a file that moor makes at the first apply."""

    path: Path
    reference: SecretRef | None = None

    def existing(self) -> Secret | None:
        """Return the password; None if it was not generated yet."""
        if self.reference:
            return self.reference.resolve()
        return load_or_generate(self.path) if self.path.exists() else None

    def ensured(self) -> Secret:
        """Return the password; generate and save it first if needed, so that it is not lost if the run dies."""
        return self.reference.resolve() if self.reference else load_or_generate(self.path)

    def exists(self) -> bool:
        """Return whether there is a password, which moor makes at the first apply if it is to."""
        return self.reference is not None or self.path.exists()

    def untried(self, robot: str, found: Mapping[str, Any]) -> Secret | None:
        """Return the password if there is one that Harbor is not known to accept for this entry."""
        return None if self.is_known(robot, found) else self.existing()

    def is_known(self, robot: str, found: Mapping[str, Any]) -> bool:
        """Return whether Harbor has accepted this password for this entry, which was not changed since.

        Harbor counts a new password as a change of the entry.
        """
        secret = self.existing() if found.get("update_time") else None
        return bool(secret and self._notes.shown(robot, _edition(found), secret) == secret.sha256())

    def note(self, robot: str, found: Mapping[str, Any]) -> None:
        """Remember that Harbor accepts this password for this entry."""
        if (secret := self.existing()) and not self.is_known(robot, found):
            self._notes.drop(robot)
            self._notes.keep(robot, _edition(found), secret)

    @property
    def _notes(self) -> Fingerprints:
        return Fingerprints(self.path.parent / DIRECTORY)


def _edition(found: Mapping[str, Any]) -> str:
    """Return what differs as soon as Harbor's entry of a robot is another one or was changed."""
    return f"{found['id']} {found['name']} {found.get('update_time')}"
