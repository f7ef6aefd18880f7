"""Fragments of an upgrade run on the registry's host, under its lock."""

from __future__ import annotations

from dataclasses import dataclass

from nornir.core.task import Task

from moor.context import context_of
from moor.engine.asking import shell_of
from moor.engine.locking import run_under_lock
from moor.engine.probing import failure_text
from moor.engine.script import new_mark, require_all, split_answers
from moor.errors import ErrorKind, HostError
from moor.progress import LOGGER
from moor.tasks.harbor.settings import HarborSettings, with_installer
from moor.tasks.harbor.upgrade.state import Found, Place, look_fragment, parse_found

LOOK_S = 120


class StepFailed(HostError):
    """A fragment ran and failed, so that the host is where its other fragments left it."""


@dataclass(frozen=True)
class HostSession:
    """The registry's host during an upgrade."""

    task: Task
    place: Place
    harbor: HarborSettings

    @property
    def package(self) -> str:
        """Return the file name of the inventory's installer."""
        return self.harbor.package.name

    def run(self, *fragments: str, bound_s: float) -> list[str]:
        """Run fragments in one script, which ends on the host even if this process does not live to see it.

        Returns:
            what each printed.

        Raises:
            StepFailed: a fragment failed.
            HostError: it is unknown how far the script came.
        """
        mark = new_mark()
        answer = run_under_lock(shell_of(self.task), fragments, mark, context_of(self.task).run, bound_s)
        pieces = split_answers(answer.stdout, answer.stderr, mark)
        for piece in pieces:
            if piece.code:
                raise StepFailed(failure_text(f"release:{self.place.directory}", piece, "upgrading"), ErrorKind.COMMAND)
        return [piece.stdout for piece in require_all(pieces, len(fragments), answer.stderr)]

    def look(self) -> Found:
        """Read again how far the upgrade got."""
        return parse_found(self.run(look_fragment(self.place, self.package), bound_s=LOOK_S)[0])

    def tell(self, words: str) -> None:
        """Log a line of progress."""
        LOGGER.info("%s: %s", self.task.host.name, words)


def session_of(task: Task, place: Place) -> HostSession:
    """Return the session of a task's host."""
    return HostSession(task, place, with_installer(task.host))
