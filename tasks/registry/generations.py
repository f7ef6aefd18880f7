"""The generations of a robot: while its login is rotated, Harbor has two robots for one of the inventory.

Harbor keeps one password for each robot, so a second valid login is a second robot. The first generation has the
inventory's name, a later one that name with a suffix: ``puller``, ``puller.g2``, ``puller.g3``. Which generation is
present, next and former is kept in a file of the site's state. Each step is one replacement of that file, so a killed
run leaves no step half done.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from moor.errors import InputError
from moor.formats.nesting import parse_json
from moor.secrets import private_files
from moor.settings import SecretRef
from moor.tasks.registry.robot_secret import GENERATION, RobotSecret, secret_path

FOLDER = "robot-rotation"  # below the site's state


@dataclass(frozen=True)
class Generations:
    """The generations of one robot; 0 for none.

    Attributes:
        present: whose login is used
        next: made, and not used yet
        former: still valid, and not used any more
        since: when the present one took the place of the former one, ISO 8601; empty for the first
        former_user: the former one's name as it logs in
    """

    present: int = 1
    next: int = 0
    former: int = 0
    since: str = ""
    former_user: str = ""

    @property
    def rotating(self) -> bool:
        """Return whether a rotation has begun and not ended."""
        return bool(self.next or self.former)

    @property
    def following(self) -> int:
        """Return the generation that a rotation makes, or has made."""
        return self.next or self.present + 1

    @property
    def alive(self) -> tuple[int, ...]:
        """Return the generations that Harbor may have."""
        return tuple(number for number in (self.present, self.next, self.former) if number)


@dataclass(frozen=True)
class Account:
    """A robot of the inventory: of a project, or of the system where ``project`` is empty.

    Attributes:
        state: the directory of the site's state
        reference: the user's own secret, which moor cannot rotate
    """

    project: str
    robot: str
    state: Path
    reference: SecretRef | None = None

    @property
    def id(self) -> str:
        """Return its name as Harbor shows it, without the prefix."""
        return f"{self.project}+{self.robot}" if self.project else self.robot

    @property
    def folder(self) -> Path:
        """Return where the progress of its rotations is kept."""
        return self.state / FOLDER / self.id

    @property
    def generations(self) -> Generations:
        """Read the generations.

        Raises:
            InputError: the file is damaged
        """
        path = self.folder / "generations.json"
        try:
            return Generations(**parse_json(path.read_bytes()))
        except FileNotFoundError:
            return Generations()
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{path}: it cannot be read: {error}; put back a good copy from a backup") from None

    def keep(self, generations: Generations) -> None:
        """Write the generations; the caller holds the lock."""
        content = json.dumps(asdict(generations), sort_keys=True).encode()
        private_files.write(self.folder / "generations.json", content)

    def lock(self) -> AbstractContextManager[None]:
        """Lock the rotation against other runs on this controller."""
        from moor.pki.keystore import lock_folder  # imported late: only a rotation needs it

        return lock_folder(self.folder)

    @property
    def request(self) -> str:
        """Return how a run context names the request to rotate the present generation."""
        return f"robot:{self.id} generation {self.generations.present}"

    @property
    def present(self) -> str:
        """Return the name of the robot in Harbor whose login is used."""
        return self.name_of(self.generations.present)

    def name_of(self, generation: int) -> str:
        """Return the name of a generation in Harbor, below its project."""
        return self.robot if generation == 1 else f"{self.robot}.g{generation}"

    def secret_of(self, generation: int) -> RobotSecret:
        """Return where the password of a generation is."""
        name = self.name_of(generation)
        place = secret_path(self.state, self.project, name) if self.project else system_secret_path(self.state, name)
        return RobotSecret(place, self.reference)

    @property
    def secret(self) -> RobotSecret:
        """Return where the password of the present generation is."""
        return self.secret_of(self.generations.present)

    @property
    def names(self) -> frozenset[str]:
        """Return the names of all generations that Harbor may have."""
        return frozenset(map(self.name_of, self.generations.alive))


def system_secret_path(state: Path, robot: str) -> Path:
    """Return where the password is that moor makes for a robot of the system, below the site's state."""
    return state / "secrets" / f"system-robot-{robot}"


def account_in(state: Path, project: str, name: str) -> Account:
    """Return the robot of the inventory that a robot of Harbor's is a generation of; by default the one of its name."""
    first = Account(project, GENERATION.sub("", name), state)
    return first if name in first.names else Account(project, name, state)
