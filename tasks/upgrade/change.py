"""An upgrade of Harbor: changed, judged by health and contents, and then accepted or undone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from moor.engine.results import ResourceResult
from moor.errors import ErrorKind, HostError, MoorError
from moor.progress import format_duration
from moor.secrets.redaction import redact
from moor.tasks.harbor.api import harbor_of
from moor.tasks.harbor.health import healthy
from moor.tasks.harbor.releases import release_of
from moor.tasks.harbor.upgrade.state import BACK, DONE, GONE, MOVED, Found
from moor.tasks.upgrade import scripts
from moor.tasks.upgrade.counts import Counts, count_contents, fewer, parse_counts
from moor.tasks.upgrade.outage import Outage, settle, watch
from moor.tasks.upgrade.preparation import SHORT_S, Journal, prepare, pulling
from moor.tasks.upgrade.proofs import require_proofs
from moor.tasks.upgrade.session import HostSession, StepFailed

CHANGE_S = 7200  # a large database is copied, and converted
COUNT_S = 30.0  # a Harbor that has just become healthy may refuse a first request
SETTLE_S = 30.0
LONGEST_CAUSE = 2000


def upgrade(host: HostSession, found: Found) -> None:
    """Bring Harbor to the inventory's release, or finish or undo an upgrade that was interrupted.

    Raises:
        HostError: the release before runs on, or again, and why; or how far it is known to have got.
    """
    if DONE in found.marks:
        _accept(host)
        return
    if GONE in found.marks and not found.begun:
        host.run(scripts.sweep(host.place), bound_s=SHORT_S)
        if release_of(found.installed) == release_of(host.package):
            return
    begun = Journal(found.journal)
    if found.begun and (BACK in found.marks or release_of(begun["from"]) == release_of(host.package)):
        _finish_going_back(host, begun, found.cause)
        return
    journal = begun or prepare(host, found.installed)
    Change(host, journal, resumed=found.begun).run()


def _finish_going_back(host: HostSession, journal: Journal, cause: str) -> None:
    """Put the release before back; raise HostError with the cause unless the inventory names that release."""
    wanted = release_of(journal["from"]) == release_of(host.package)
    with pulling(host, journal) as pull, watch(pull) as outage:
        cause = cause or "the inventory names the release before again"
        words = Change(host, journal, resumed=True).go_back(cause, outage)
    if not wanted:
        raise HostError(words, ErrorKind.UNHEALTHY)
    _report(host, words)


@dataclass(frozen=True)
class Change:
    """The change from one release to the next, and the way back.

    Attributes:
        resumed: an earlier run began it.
    """

    host: HostSession
    journal: Mapping[str, str]
    resumed: bool

    @property
    def old(self) -> str:
        """Return the release before."""
        return release_of(self.journal["from"])

    @property
    def new(self) -> str:
        """Return the release after."""
        return release_of(self.journal["to"])

    @property
    def before(self) -> Counts:
        """Return what Harbor held before."""
        return parse_counts(self.journal.get("counts", ""))

    def run(self) -> None:
        """Change the release; raises HostError if the one before runs, or runs again."""
        with pulling(self.host, self.journal) as pull, watch(pull) as outage:
            began = time.monotonic()
            try:
                self._switch()
                after = self._judge()
            except HostError as error:
                if not _is_verdict(error):
                    raise
                raise self._undone(str(error), outage) from None
            healthy_s = time.monotonic() - began
            settle(outage, SETTLE_S)
        _accept(self.host)
        require_proofs(self.host.task, f"{self.old} -> {self.new}")
        _report(self.host, self._success(after, healthy_s, outage))

    def _switch(self) -> None:
        """Stop the release before and start the new one, in one script."""
        place = self.host.place
        self.host.tell(f"stopping {self.old}, copying its data, starting {self.new}; pulls fail meanwhile")
        begin = () if self.resumed else (scripts.begin(place, self.journal),)
        steps = (*begin, scripts.switch(place), scripts.start(place, self.host.harbor.flags))
        self.host.run(*steps, bound_s=CHANGE_S)

    def _judge(self) -> Counts:
        """Return what the new release holds, once it is healthy; raises HostError if it holds less than before."""
        wait = healthy(self.host.task.host, self.host.harbor)
        self.host.tell(f"waiting for {self.new} to become healthy, up to {wait.wait_s:.0f} s")
        wait.write(self.host.task, None)
        after = self._count()
        if lost := fewer(self.before, after):
            raise HostError(f"it holds less than before: {', '.join(lost)}", ErrorKind.UNHEALTHY)
        return after

    def _count(self) -> Counts:
        end = time.monotonic() + COUNT_S
        while True:
            try:
                return count_contents(harbor_of(self.host.task))
            except MoorError as error:
                if time.monotonic() > end:
                    raise HostError(f"what it holds cannot be counted: {error}", ErrorKind.UNHEALTHY) from error
            time.sleep(1)

    def _undone(self, error: str, outage: Outage) -> HostError:
        """Go back after an error; return the error to raise."""
        found = self.host.look()
        if MOVED not in found.marks:  # the fragment has started the release before again
            settle(outage, SETTLE_S)
            return HostError(f"{error}; {outage.text}", ErrorKind.COMMAND)
        cause = "\n".join([error, *self._trouble()])[:LONGEST_CAUSE]
        return HostError(self.go_back(cause, outage), ErrorKind.UNHEALTHY)

    def _trouble(self) -> list[str]:
        """Return what the host says of containers that do not run; it is only told, so nothing is raised."""
        try:
            return list(redact(self.host.run(scripts.explain(self.host.place), bound_s=SHORT_S)[0].splitlines()))
        except HostError:
            return []

    def go_back(self, cause: str, outage: Outage) -> str:
        """Put the release before and its data back, wait until it is healthy, and return what happened in words.

        Raises:
            HostError: that failed; the next apply tries it again.
        """
        self.host.tell(f"putting {self.old} and its data back")
        try:
            self.host.run(scripts.go_back(self.host.place, cause), bound_s=CHANGE_S)
            healthy(self.host.task.host, self.host.harbor).write(self.host.task, None)
            lost = fewer(self.before, self._count())
        except HostError as error:
            raise HostError(
                f"{self.new} was not taken over: {cause}\n{self.old} is not back yet: {error}\nrun moor apply harbor "
                f"again, which goes on with that; the backup is {self.journal.get('backup', 'none')}",
                error.kind,
            ) from error
        settle(outage, SETTLE_S)
        self.host.run(scripts.sweep(self.host.place), bound_s=SHORT_S)
        held = f"it holds less than before: {', '.join(lost)}" if lost else "with its data"
        return f"{self.new} was not taken over: {cause}\n{self.old} runs again, {held}; {self._outage(outage)}"

    def _outage(self, outage: Outage) -> str:
        stopped = self.journal.get("stopped", "")
        if not (self.resumed and stopped.isdigit()):
            return outage.text
        since = format_duration(max(0.0, time.time() - int(stopped)))
        return f"Harbor was stopped {since} ago, by a run that was interrupted; in this one {outage.text}"

    def _success(self, after: Counts, healthy_s: float, outage: Outage) -> str:
        kept = (f"{name}: {self.before.get(name, number)} before, {number} after" for name, number in after.items())
        first = f"{self.old} -> {self.new}, healthy {format_duration(healthy_s)} after the change began"
        return "\n".join([first, self._outage(outage), *kept, f"backup: {self.journal.get('backup', 'none')}"])


def _is_verdict(error: HostError) -> bool:
    """Return whether the new release was tried and found wanting; otherwise the host's state is unknown."""
    return isinstance(error, StepFailed) or error.kind is ErrorKind.UNHEALTHY


def _accept(host: HostSession) -> None:
    host.run(scripts.accept(host.place, host.harbor.flags), bound_s=SHORT_S)


def _report(host: HostSession, words: str) -> None:
    """Add to the task's results what an upgrade has to say."""
    host.task.results.append(ResourceResult(host.task.host, f"upgraded:{host.place.directory}", "changed", words, ""))
