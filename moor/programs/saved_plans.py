"""Saving the plan of a run, and applying exactly what a saved plan says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nornir.core import Nornir

from moor.context import change_context, fleet_of, new_run, separate_nornir, site_of
from moor.errors import ErrorKind, InputError
from moor.folding import fold
from moor.plans.comparing import Refusals, refusals
from moor.plans.file import existing_key, fingerprint_key, read_plan, signing_key, write_plan
from moor.plans.progress import PlanProgress
from moor.plans.recording import FingerprintCollector, plan_of
from moor.plans.saved import PlanScope, SavedPlan, changes_by_host
from moor.programs.connections import close_all_connections
from moor.run.part import take_part
from moor.run.report import HostReport, RunReport
from moor.run.rolling.roll_out import TOGETHER, RollOut
from moor.run.runbook import Runbook
from moor.run.selection import find_runbook
from moor.secrets.secret import Secret

GONE = "it is in the saved plan and no longer in the inventory"
REMEDY = "nothing is changed there; plan again, and have that approved"


@dataclass(frozen=True)
class Runs:
    """How runs are made and kept: by a command with its progress, or by a program without.

    Attributes:
        make: runs a runbook as a command of that name, and returns the report.
        record: keeps it in history.
    """

    make: Callable[[Nornir, Runbook, str, RollOut], RunReport]
    record: Callable[[Nornir, RunReport], object]


def save_plan(nr: Nornir, scope: PlanScope, path: Path, runs: Runs) -> RunReport:
    """Plan, write the plan to a file, and return the report; Nornir must be in a dry run."""
    key = signing_key(site_of(nr))
    report, plan = _planned(nr, scope, key, new_run(), runs)
    write_plan(path, plan, key)
    return report


@dataclass(frozen=True)
class PlanToApply:
    """A saved plan of this site, and those of its hosts that are meant; Nornir is in a dry run."""

    nr: Nornir
    saved: SavedPlan
    key: Secret

    @classmethod
    def read(cls, nr: Nornir, path: Path) -> PlanToApply:
        """Read the file of a plan.

        Raises:
            InputError: it is damaged, or not signed with this site's key, or none of its hosts is there.
        """
        key = existing_key(site_of(nr))
        saved = read_plan(path, key)
        some = nr.filter(filter_func=lambda host: host.name in saved.hosts)
        if not some.inventory.hosts:
            raise InputError(
                f"{path}: inventory and --limit leave none of its hosts: {fold(list(saved.hosts))}; "
                "name some of them, or plan again"
            )
        return cls(some, saved, key)

    @property
    def book(self) -> Runbook:
        """Return the stages that the plan is for."""
        return _book(self.nr, self.saved.scope)

    def apply(self, runs: Runs, roll_out: RollOut) -> RunReport:
        """Plan again, and make the changes on the hosts whose plan is still the saved one; the others fail."""
        _, now = _planned(self.nr, self.saved.scope, self.key, self.saved.plan, runs)
        close_all_connections(self.nr)  # those to the registry trust what was there before: on bare hosts, no CA
        progress = PlanProgress(site_of(self.nr).state, self.saved.plan)
        roll_out = replace(roll_out, left_out=_refused(now, refusals(self.saved, now, progress.begun())))
        progress.begin([name for name in changes_by_host(now.changes) if name not in roll_out.left_out])
        report = self._make(runs, roll_out)
        gone = progress.begun() - fleet_of(self.nr).hosts.keys()
        progress.end([*gone, *(name for name, host in report.hosts.items() if not host.error)])
        return report

    def _make(self, runs: Runs, roll_out: RollOut) -> RunReport:
        planned = changes_by_host(self.saved.changes)
        approved = {name: frozenset(planned.get(name, {})) for name in self.nr.inventory.hosts}
        applying = separate_nornir(self.nr, dry_run=False, approved=approved)
        book = _book(applying, self.saved.scope)
        named = replace(book, name=f"{book.name} of plan {self.saved.plan}")  # for history
        report = runs.make(applying, named, "apply", roll_out)
        for name in self.saved.hosts.keys() - fleet_of(self.nr).hosts.keys():
            report.hosts[name] = HostReport()
            report.hosts[name].fail(GONE, ErrorKind.CONFLICT)
        runs.record(applying, report)
        return report


def _book(nr: Nornir, scope: PlanScope) -> Runbook:
    """Return the stages that a plan is for, and have the run leave out what the plan leaves out."""
    return take_part(nr, find_runbook(site_of(nr).directory, scope.runbook), scope.part)


def _planned(nr: Nornir, scope: PlanScope, key: Secret, name: str, runs: Runs) -> tuple[RunReport, SavedPlan]:
    """Plan with the keys of the plan of that name, so that the two can be compared."""
    collector = FingerprintCollector()
    change_context(nr, fingerprint_key=fingerprint_key(key, name))
    try:
        report = runs.make(nr.with_processors([collector]), _book(nr, scope), "plan", TOGETHER)
    finally:
        change_context(nr, fingerprint_key="")
    return report, replace(plan_of(nr, report, collector, scope), plan=name)


def _refused(now: SavedPlan, differing: Refusals) -> Mapping[str, str]:
    """Return by host why the plan is not applied there."""
    failed = {name: host.error for name, host in now.hosts.items() if host.error}
    words = {name: "\n".join(["it differs from the saved plan:", *lines, REMEDY]) for name, lines in differing.items()}
    return failed | words
