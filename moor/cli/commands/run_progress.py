"""What a user sees of a run while it lasts: what it looks at or does, on which hosts, what has changed, time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import AggregatedResult, MultiResult, Task

from moor.cli.commands.screen import Screen
from moor.context import site_of
from moor.engine.alike import Alike
from moor.engine.plan import printable_line
from moor.engine.results import ResourceResult
from moor.folding import fold
from moor.output.grouping import grouped
from moor.processors import QuietProcessor
from moor.progress import draw_bar, format_duration, time_left_s
from moor.run.reading import READ
from moor.run.report import RunReport, error_of
from moor.run.runbook import Runbook
from moor.run.selection import concern_of_stage
from moor.settings.modules import RUNBOOKS, concern_of

FIRST_S, TICK_S = 2.0, 0.5  # until the time left is told at all; between two drawings
CHANGES_S = 3.0  # between two times that changes of a long stage are told
LINE_S = 15.0  # between two lines about the time left, where no line can be drawn anew
JOINED_S = 1.0  # how long a run's end waits for a history that does not answer
LOOKING = ("check", "compare", "diagnose", "examine", "find", "prove", "reach", "read", "rehearse", "show", "watch")
NO_CONCERN = ("moor", RUNBOOKS)  # where a task stands that belongs to no concern
CLOSING = "close_connections_task"  # Nornir's own


Told = tuple[str, tuple[str]]  # a host, and what is told about it


class RunProgress(QuietProcessor):
    """A Nornir processor that tells what goes on."""

    def __init__(self, nr: Nornir, runbook: Runbook, report: RunReport, screen: Screen) -> None:
        self._nr, self._runbook, self._report, self._screen = nr, runbook, report, screen
        self._concerns = {stage.name: concern_of_stage(stage) for stage in runbook.stages}
        self._read = self._done = 0
        self._at, self._left, self._hosts = "", 0, 0
        self._changed, self._failed = list[Told](), list[Told]()
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def task_started(self, task: Task) -> None:
        """Tell what begins, and on which hosts."""
        if task.name == CLOSING:
            return
        hosts = task.nornir.inventory.hosts
        names = fold(list(hosts)).replace(" ", ", ")
        at = f"read {_many(len(hosts))}" if task.name == READ else f"{self._words(task)}: {names}"
        again, self._at = at == self._at, at
        self._left = self._hosts = len(hosts)
        if not (self._screen.animated or again):
            self._screen.line(at)

    def _words(self, task: Task) -> str:
        """Return what a task is about: in a plan what is looked at, since ``install_harbor`` would frighten."""
        if not self._nr.data.dry_run:
            return task.name
        concern = self._concerns.get(task.name) or concern_of(task.task.__module__)
        if concern in NO_CONCERN or task.name.partition("_")[0] in LOOKING:
            return task.name.replace("_", " ")
        return f"look at {concern.replace('_', ' ')}"

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Count the host, and note what an apply has changed on it, or why it failed."""
        if task.name == CLOSING:
            return
        with self._lock:
            self._left -= 1
            self._read += task.name == READ
            self._done += task.name != READ
            if not self._nr.data.dry_run:
                self._changed += [(host.name, (name,)) for name in _changed(result)]
                self._failed += [(host.name, (words.splitlines()[0],)) for words in [error_of(result[0])] if words]

    def task_completed(self, task: Task, result: AggregatedResult) -> None:
        """Tell what was changed on the last hosts of the task."""
        self._tell()

    def _tell(self) -> None:
        """Print what was changed since the last time, and which hosts have failed."""
        with self._lock:
            changed, self._changed = self._changed, []
            failed, self._failed = self._failed, []
        for group in grouped(changed):
            self._screen.line(f"  ~ {group.shown[0]}  [{group.names}]")
        for group in grouped(failed, addresses=True):
            self._screen.line(f"  ! {group.names}: {group.shown[0]}")

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Tell the time left while the block runs."""
        thread = threading.Thread(target=self._tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join(JOINED_S)
            self._screen.status("")

    def _tick(self) -> None:
        began = line = changes = time.monotonic()
        total, expected = 0, 0.0
        while not self._ended.wait(TICK_S):
            now = time.monotonic()
            if now - changes >= CHANGES_S:
                changes = now
                self._tell()
            if now - began < FIRST_S:
                self._screen.status(self._at)
                continue
            if not total:
                total, expected = self._count(), expected_s(self._nr, self._report)
            words = _left(now - began, self._share(total), expected)
            if self._screen.animated:
                few = f", {self._hosts - self._left} of {_many(self._hosts)}" if self._hosts > 1 else ""
                self._screen.status(f"{draw_bar(self._share(total))} {words}; {self._at}{few}")
            elif now - line >= LINE_S:
                line = now
                self._screen.line(f"{self._share(total):.0%} done, {words}")

    def _count(self) -> int:
        """Return how many times a task runs on a host in all, without reading; at least 1."""
        hosts = list(self._nr.inventory.hosts.values())
        runs_on = (Alike(stage.runs_on) for stage in self._runbook.stages)
        return max(sum(one.of(host) for one in runs_on for host in hosts), 1)

    def _share(self, total: int) -> float:
        """Return how much is done; in a plan reading is half of it, since the tasks know then what was read."""
        hosts = len(self._nr.inventory.hosts)
        reading = total if self._nr.data.dry_run else hosts
        done = self._done + self._read / max(hosts, 1) * reading
        return min(done / (total + reading), 1.0)


def expected_s(nr: Nornir, report: RunReport) -> float:
    """Return how long such a run has taken lately, by history; 0 where it knows none."""
    with suppress(Exception):  # a missing or broken history is told when the run is recorded
        from moor.history.database import connected
        from moor.history.reading import History

        settings = site_of(nr)
        if settings.history_url is None and not settings.state.is_dir():
            return 0.0
        with connected(settings, writing=False) as connection:
            rows = History(connection).runs(command=report.command)
        alike = [row.duration_s for row in rows if (row.runbook, row.hosts) == (report.runbook, len(report.hosts))]
        return sorted(alike[:5])[len(alike[:5]) // 2] if alike else 0.0
    return 0.0


def _left(elapsed: float, share: float, expected: float) -> str:
    left = time_left_s(elapsed, share, expected)
    return f"about {format_duration(left)} left" if left else f"{format_duration(elapsed)} so far"


def _changed(result: MultiResult) -> list[str]:
    subs = (sub for sub in result[1:] if isinstance(sub, ResourceResult) and sub.status == "changed")
    return [printable_line(str(sub.name)) for sub in subs]


def _many(number: int) -> str:
    return f"{number} host{'' if number == 1 else 's'}"
