"""A site for programs: its methods do what the commands of the same names do, and return results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType

from nornir.core import Nornir

from moor.context import DiagnosisScope, fleet_of, separate_nornir, site_of
from moor.history.earlier_hosts import earlier_hosts
from moor.plans.file import refuse_unwritable
from moor.plans.saved import PlanScope
from moor.programs.batches import TOGETHER, Batches
from moor.programs.connections import close_all_connections
from moor.programs.drift import examine
from moor.programs.progress import Tell
from moor.programs.results import ApplyResult, DriftResult, PlanResult, ProofResult, result_of
from moor.programs.running import record_run, runs_told
from moor.programs.saved_plans import PlanToApply, Runs, save_plan
from moor.programs.windows import note_windows
from moor.run.host_words import LIMIT
from moor.run.part import Part, take_part
from moor.run.protocols.diagnosing import diagnosis_of
from moor.run.rolling.roll_out import TOGETHER as NO_WAVES
from moor.run.runbook import Runbook
from moor.run.selection import WHOLE, all_stages, find_runbook, limit_hosts
from moor.run.waivers import read_waivers
from moor.sites.site import open_site as open_nornir


@dataclass(frozen=True)
class Site:
    """An open site. Each method is a run of its own, as a command is; connections are closed at its end.

    Use each site from one thread at a time; several sites may be open at once.

    Attributes:
        directory: that of config.yaml.
    """

    directory: Path
    _nornir: Nornir
    _progress: Tell | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the names of all hosts."""
        return tuple(self._nornir.inventory.hosts)

    def plan(
        self,
        *runbooks: str,
        limit: str | None = None,
        only: Sequence[str] = (),
        skip: Sequence[str] = (),
        start_at: str = "",
        save_to: Path | str | None = None,
    ) -> PlanResult:
        """Return what an apply would change; nothing is written on any host.

        Args:
            runbooks: names of runbooks or concerns; the whole site without any.
            limit: hosts, in the words of ``--limit``; None for all.
            only: kinds or ids of resources to change.
            skip: kinds or ids of those to leave as they are.
            start_at: the stage, or concern, before which nothing runs.
            save_to: the file in which the plan is saved, for ``apply_plan``.

        Raises:
            InputError: the inventory or an argument is wrong; no host was contacted.
        """
        part = Part(tuple(only), tuple(skip), start_at)
        with self._run(limit, dry_run=True) as nr:
            book = self._book(runbooks)
            if save_to is None:
                report = self._runs.make(nr, take_part(nr, book, part), "plan", NO_WAVES)
            else:
                refuse_unwritable(Path(save_to))
                report = save_plan(nr, PlanScope.of(book.name, limit, part), Path(save_to), self._runs)
            note_windows(nr, report)
            return result_of(report, PlanResult)

    def apply(
        self,
        *runbooks: str,
        limit: str | None = None,
        only: Sequence[str] = (),
        skip: Sequence[str] = (),
        start_at: str = "",
        ticket: str = "",
        batches: Batches = TOGETHER,
    ) -> ApplyResult:
        """Change what differs, without asking; the run is recorded, hooks run, maintenance windows are kept.

        A host that fails does not raise: it is in the result, and ``raise_for_failures`` raises it.

        Args:
            runbooks: names of runbooks or concerns; the whole site without any.
            limit: hosts, in the words of ``--limit``; None for all.
            only: kinds or ids of resources to change.
            skip: kinds or ids of those to leave as they are.
            start_at: the stage, or concern, before which nothing runs.
            ticket: a word that history keeps and hooks get.
            batches: how the run goes over the hosts: canary, batches, pauses, failures.

        Raises:
            InputError: the inventory or an argument is wrong; no host was contacted.
        """
        with self._run(limit, dry_run=False) as nr:
            book = take_part(nr, self._book(runbooks), Part(tuple(only), tuple(skip), start_at))
            report = self._runs.make(nr, book, "apply", batches.roll_out(nr, book, ticket))
            record_run(nr, report)
            return result_of(report, ApplyResult)

    def apply_plan(
        self, path: Path | str, *, limit: str | None = None, ticket: str = "", batches: Batches = TOGETHER
    ) -> ApplyResult:
        """Make exactly the changes of a saved plan; hosts that differ from it are left as they are, and have failed.

        Args:
            path: the plan's file.
            limit: some of its hosts, in the words of ``--limit``; None for all.
            ticket: a word that history keeps and hooks get.
            batches: how the run goes over the hosts.

        Raises:
            InputError: the file was changed or is of another site, or the inventory is wrong.
        """
        with self._run(limit, dry_run=True) as nr:
            plan = PlanToApply.read(nr, Path(path))
            roll_out = batches.roll_out(nr, plan.book, ticket)
            return result_of(plan.apply(self._runs, roll_out), ApplyResult)

    def drift(self, *runbooks: str, limit: str | None = None) -> DriftResult:
        """Return what differs from the inventory, and since when; the run is recorded, no notice is sent.

        Args:
            runbooks: names of runbooks or concerns; everything that plans without any.
            limit: hosts, in the words of ``--limit``; None for all.

        Raises:
            InputError: the inventory, a waiver or an argument is wrong; no host was contacted.
        """
        with self._run(limit, dry_run=True) as nr:
            settings = site_of(nr)
            waivers = read_waivers(settings.waivers, settings.directory)
            book = replace(self._book(runbooks), independent=True) if runbooks else all_stages(self.directory)
            report = self._runs.make(nr, book, "drift", NO_WAVES)
            examine(nr, report, waivers)
            record_run(nr, report)
            return result_of(report, DriftResult)

    def verify(self, limit: str | None = None) -> ProofResult:
        """Prove from every node that pulls and the workload work; the run is recorded.

        Args:
            limit: hosts, in the words of ``--limit``; None for all.

        Raises:
            InputError: the inventory or an argument is wrong; no host was contacted.
        """
        with self._run(limit, dry_run=True) as nr:
            report = self._runs.make(nr, self._book(("verify",)), "verify", NO_WAVES)
            record_run(nr, report)
            return result_of(report, ProofResult)

    def diagnose(
        self, deployment: str = "", *, namespaces: Sequence[str] = (), pull: bool = False, limit: str | None = None
    ) -> ProofResult:
        """Find out from every node why pods do not start; the run is recorded.

        Args:
            deployment: the only one to examine; empty for all.
            namespaces: where to look; those of the inventory's workloads without any.
            pull: whether each node really pulls the image.
            limit: hosts, in the words of ``--limit``; None for all.

        Raises:
            InputError: the inventory or an argument is wrong; no host was contacted.
        """
        with self._run(limit, dry_run=True) as nr:
            book = self._book(("diagnose",))
            scope = DiagnosisScope(pull=pull, namespaces=tuple(namespaces), deployment=deployment)
            diagnosis_of(book).look_at(nr, fleet_of(nr).hosts.values(), scope)
            report = self._runs.make(nr, book, "diagnose", NO_WAVES)
            record_run(nr, report)
            return result_of(report, ProofResult)

    @property
    def _runs(self) -> Runs:
        return runs_told(self._progress)

    def close(self) -> None:
        """Close all connections; a further run opens them again."""
        close_all_connections(self._nornir)

    def __enter__(self) -> Site:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _book(self, names: Sequence[str]) -> Runbook:
        return find_runbook(self.directory, " ".join(names or (WHOLE,)))

    @contextmanager
    def _run(self, limit: str | None, *, dry_run: bool) -> Iterator[Nornir]:
        """Open a run of its own over the hosts of a limit; connections are closed at its end."""
        nr = separate_nornir(self._nornir, dry_run=dry_run)
        try:
            yield limit_hosts(nr, limit, partial(earlier_hosts, site_of(nr), LIMIT))
        finally:
            self.close()


def open_site(directory: Path | str = ".", *, progress: Tell | None = None) -> Site:
    """Open the site in a directory, whatever the working directory; no host is contacted.

    Args:
        directory: that of config.yaml.
        progress: is called with lines about each run while it lasts: what begins where, what was changed, what failed.

    Raises:
        InputError: there is no config.yaml, or every fault of the site's files.
    """
    nr = open_nornir(Path(directory))
    return Site(site_of(nr).directory, nr, progress)
