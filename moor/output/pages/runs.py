"""The last runs, and what each of them changed, as diffs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from moor.history.model import ChangeRow, RunRow
from moor.history.reading import History
from moor.output.pages.diffs import Row, rows_of
from moor.output.pages.words import anchor, folded, natural
from moor.secrets.secret import mask

RUNS = 25  # the last ones of all commands
CHANGING = 10  # and of those that changed something
SEARCHED = 500  # how many runs are searched for these
READ = 20_000  # changes that are read of one run
GROUPS = 80  # changes that are shown of one run
MAX_DIFF = 4000  # characters of one diff
ALL_DIFFS = 600_000  # characters of all diffs of the page
LOOKING = ("drift", "verify", "diagnose", "images")
SHOWN = ("changed", "failed", "drift", "held")


@dataclass(frozen=True)
class ChangeGroup:
    """Equal changes of several hosts."""

    id: str
    status: str
    hosts: tuple[str, ...]
    error: str
    rows: Sequence[Row]

    @property
    def where(self) -> str:
        """Return the hosts as people read them."""
        return folded(self.hosts)


@dataclass(frozen=True)
class RunView:
    """A run and what it changed.

    Attributes:
        rest: how many changes are not shown
        says: what it was in words, such as ``apply trust``
    """

    row: RunRow
    anchor: str
    says: str
    changed: int
    failed: int
    groups: Sequence[ChangeGroup] = field(default=())
    rest: int = 0


def read_runs(history: History) -> list[RunView]:
    """Return the last runs, newest first, and the last that changed something with their changes."""
    recent = history.runs(SEARCHED)
    changing = [run for run in recent if _changed(run) or _failed(run)][:CHANGING]
    wanted = {run.run for run in (*recent[:RUNS], *changing)}
    room, views = ALL_DIFFS, []
    for run in (run for run in recent if run.run in wanted):
        groups = change_groups(history.changes([run.run], most=READ)) if run in changing else []
        fit = _that_fit(groups[:GROUPS], room)
        room -= sum(map(_size, fit))
        views.append(_view(run, fit, len(groups) - len(fit)))
    return views


def _view(run: RunRow, groups: Sequence[ChangeGroup], rest: int) -> RunView:
    says = run.command if run.runbook in (run.command, "site") else f"{run.command} {run.runbook}"
    return RunView(run, anchor("run", run.run), says, _changed(run), _failed(run), groups, rest)


def _changed(run: RunRow) -> int:
    return run.counts.get("changed", 0)


def _failed(run: RunRow) -> int:
    """Return how many changes failed; of a command that only looks, failures are findings."""
    return 0 if run.command in LOOKING else run.counts.get("failed", 0)


def _size(group: ChangeGroup) -> int:
    pieces = (side.pieces for row in group.rows for side in (row.same, row.old, row.new) if side)
    return len(group.error) + sum(len(text) for line in pieces for _, text in line)


def _that_fit(groups: Sequence[ChangeGroup], room: int) -> list[ChangeGroup]:
    fit = []
    for group in groups:
        room -= _size(group)
        if room < 0:
            break
        fit.append(group)
    return fit


def change_groups(changes: Iterable[ChangeRow]) -> list[ChangeGroup]:
    """Group equal changes of several hosts, in the order of work; what was skipped is left out."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for change in changes:
        if change.status in SHOWN:
            key = (change.id, change.status, change.diff[:MAX_DIFF], change.error[:MAX_DIFF])
            found.setdefault(key, []).append(change.host)
    return [
        ChangeGroup(name, status, tuple(sorted(hosts, key=natural)), mask(error), rows_of(mask(diff)))
        for (name, status, diff, error), hosts in found.items()
    ]
