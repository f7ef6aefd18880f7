"""A change of a host's network that the host undoes by itself unless moor confirms it over a new connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nornir.core.task import Task

from moor.connections.ssh.shell import Shell
from moor.context import context_of
from moor.engine.locking import run_under_lock
from moor.engine.script import new_mark, require_all, split_answers
from moor.engine.shell_functions import ENVIRONMENT
from moor.errors import ErrorKind, HostError
from moor.resources.base import literal

LOADING_S = 60  # how long an undo waits for a change that is being made, so that both do not mix
LATE = "the undo came first"  # to what it undoes
TRIES = 10  # attempts to restore, since another program may hold the lock of the firewall tool


@dataclass(frozen=True)
class Undo:
    """The undo of one kind of change.

    Attributes:
        name: of its directory below /run and of its unit
        what: what is changed, in the plural, for messages
    """

    name: str
    what: str

    @property
    def directory(self) -> str:
        """Return where the former state is kept meanwhile; fragments call it ``$d``."""
        return f"/run/moor-{self.name}"

    @property
    def unit(self) -> str:
        return f"moor-{self.name}-undo"

    def arm_and_load(self, snapshots: Sequence[str], restores: Sequence[str], loads: Sequence[str], undo_s: int) -> str:
        """Return sh that saves the former state, arms the undo, makes the change, and undoes it at once if it fails.

        The undo and its disarming rename the same file, so that exactly one of them happens.
        """
        first = f"""\
{ENVIRONMENT}d={self.directory}; [ -d "$d" ] || exit 0
exec 7>"$d/loading"; n=0; until flock -n 7 || [ $n = {LOADING_S} ]; do n=$((n + 1)); sleep 1; done
mv "$d/armed" "$d/undone" 2>/dev/null || exit 0
"""
        undo = first + "\n".join(
            f"n=0; until (\n{fragment}\n) 7>&-; do n=$((n + 1)); [ $n -lt {TRIES} ] || break; sleep 1; done"
            for fragment in restores
        )
        return f"""\
d={self.directory}
[ ! -e "$d/armed" ] || moor_fail 'the undo of another change is still armed; run again in a minute'
rm -rf "$d" && mkdir -m 700 "$d" || exit 1
{each(snapshots)}
{literal(undo + chr(10))} > "$d/undo" && : > "$d/armed" || exit 1
exec 7>"$d/loading" && flock -n 7 || exit 1
if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
  systemctl stop {self.unit}.timer 2>/dev/null
  systemd-run -q --collect --unit={self.unit} --on-active={undo_s} --timer-property=AccuracySec=100ms \
    /bin/sh "$d/undo" >&2 7>&- || moor_fail 'no undo could be armed, so nothing was changed'
else
  setsid sh -c 'sleep "$1"; exec sh "$2"' sh {undo_s} "$d/undo" </dev/null >/dev/null 2>&1 7>&- 9>&- &
fi
(
{each(loads)}
) 7>&- || {{ exec 7>&-; sh "$d/undo" >&2; moor_fail 'the {self.what} could not be set; the former ones are back'; }}"""

    def disarm_and_keep(self, keeps: Sequence[str]) -> str:
        """Return sh that disarms the undo, then saves the new state for the next boot."""
        return f"""\
d={self.directory}
mv "$d/armed" "$d/kept" 2>/dev/null || moor_fail '{LATE}: the former {self.what} are back; run again'
systemctl stop {self.unit}.timer 2>/dev/null
{self.keep(keeps)}"""

    def keep(self, keeps: Sequence[str]) -> str:
        """Return sh that saves the state for the next boot and removes the files of the change."""
        return f"""\
d={self.directory}; mkdir -p -m 700 "$d"
(
{each(keeps)}
) || exit 1
rm -rf "$d\""""

    def while_armed(self, steps: Sequence[str]) -> str:
        """Return sh that goes on with the change while the undo is armed; if that fails, it undoes at once."""
        return f"""\
d={self.directory}
exec 7>"$d/loading" && flock -n 7 && [ -e "$d/armed" ] ||
  moor_fail '{LATE}: the former {self.what} are back; run again'
(
{each(steps)}
) 7>&- || {{ exec 7>&-; sh "$d/undo" >&2; moor_fail 'the {self.what} could not be set; the former ones are back'; }}"""


def each(fragments: Sequence[str]) -> str:
    """Return fragments as one."""
    return "\n".join(fragments) or ":"


def run_fragment(task: Task, shell: Shell, fragment: str, bound_s: float) -> None:
    """Run one fragment under the host's lock.

    Raises:
        HostError: it failed; with what it printed
    """
    mark = new_mark()
    answer = run_under_lock(shell, [fragment], mark, context_of(task).run, bound_s)
    (piece,) = require_all(split_answers(answer.stdout, answer.stderr, mark), 1, answer.stderr)
    if piece.code:
        raise HostError(
            piece.stderr.strip()[-2000:] or f"it ended with exit code {piece.code} and printed nothing",
            ErrorKind.COMMAND,
        )
