"""The release of Harbor that runs on the registry's host, upgraded from an earlier one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nornir.core.task import Task

from moor.resources.base import State, Streamed
from moor.tasks.harbor.releases import describe_step, release_of
from moor.tasks.harbor.upgrade.state import Found, Place, look_fragment, parse_found
from moor.tasks.harbor.yml import COMPOSE

ENDED = "ended"
STEPS = """\
back up Harbor, while it runs
load the images of {new} and have its prepare migrate harbor.yml, while {old} runs
stop {old}, copy its database, Redis and keys to {copy}, start {new}
wait up to {wait_s} s until every component is healthy, and compare what it holds with before
if it is not, or holds less: put {old} and its data back
prove a pull from every node"""


@dataclass(frozen=True)
class HarborRelease(Streamed):
    """The release of Harbor that the inventory's installer names, with the data of the one before.

    A host without Harbor has none: there it is installed.

    Attributes:
        package: the installer's file name.
        wait_s: how long the release may take to become healthy.
        upgrade: does the upgrade.
    """

    place: Place
    package: str
    wait_s: int
    upgrade: Callable[[Task, Place, Found], None] = field(compare=False)

    @property
    def id(self) -> str:
        return f"release:{self.place.directory}"

    @property
    def writes(self) -> tuple[str, ...]:
        return (f"{self.place.directory}/{COMPOSE}",)

    def desired(self, actual: State | None) -> State | None:
        if actual is None:
            return None
        wanted = {"release": release_of(self.package)}
        if actual["upgrade"] != ENDED:
            return {**wanted, "upgrade": ENDED}
        old, new = str(actual["release"]), release_of(self.package)
        if old == new:
            return wanted
        steps = STEPS.format(old=old, new=new, copy=self.place.copy, wait_s=self.wait_s)
        return {**wanted, **{key: after for key, (_, after) in describe_step(old, new).items()}, "steps": steps}

    def probe(self) -> str:
        return look_fragment(self.place, self.package)

    def actual(self, output: str) -> State | None:
        found = parse_found(output)
        if not (found.installed or found.begun):
            return None
        old = release_of(found.installed)
        shown = {key: before for key, (before, _) in describe_step(old, release_of(self.package)).items()}
        upgrade = f"from {found.step}, {found.progress}" if found.begun else found.progress or ENDED
        return {"release": old, "upgrade": upgrade, **shown, "steps": "", "found": output}

    def write(self, task: Task, actual: State | None) -> None:
        self.upgrade(task, self.place, parse_found(str((actual or {}).get("found", ""))))
