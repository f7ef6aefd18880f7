"""A robot's password: where it is, and for which entry of Harbor's it was accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moor.secrets.secret import Secret, load_or_generate
from moor.settings import SecretRef
from moor.tasks.registry.fingerprints import DIRECTORY, Fingerprints


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
