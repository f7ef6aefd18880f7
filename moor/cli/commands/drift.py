"""The action of drift: read all hosts, compare with history, send notices, and mend the kinds that the user named."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from nornir.core import Nornir

from moor.choice import Choice, kind_of
from moor.cli.commands.running import (
    open_fleet,
    print_report,
    progress_printer,
    remember,
    run_and_report,
    runbook_of,
    warn,
    worst_code,
)
from moor.cli.options import DIFFERS, Options
from moor.context import change_context, separate_nornir, site_of
from moor.errors import InputError, MoorError
from moor.folding import fold
from moor.output import text
from moor.output.announce import announce
from moor.output.hooks import hooks_of
from moor.programs.drift import examine
from moor.run.foresight import resources_ahead
from moor.run.interruption import stop_instruction
from moor.run.report import HostReport, RunReport, unwaived_findings
from moor.run.rolling.hooks import HookRunner
from moor.run.rolling.roll_out import RollOut
from moor.run.runbook import Runbook
from moor.run.selection import all_stages
from moor.run.waivers import Waiver, read_waivers
from moor.suggestions import did_you_mean


@dataclass(frozen=True)
class DriftOptions:
    """The options of a drift check.

    Attributes:
        runbook: a runbook or a concern; empty for everything
        mend_kinds: kinds of resources to mend; empty for none
        watch_s: seconds between checks; 0 checks once
    """

    runbook: str = ""
    mend_kinds: tuple[str, ...] = ()
    watch_s: int = 0


def drift(options: Options, wanted: DriftOptions) -> int:
    """Check for drift: 0 clean, 2 drift, 1 something could not be examined."""
    with open_fleet(options, dry_run=True) as nr:
        settings = site_of(nr)
        waivers = read_waivers(settings.waivers, settings.directory)
        refuse_unknown_kinds(nr, wanted)
        if wanted.watch_s:
            change_context(nr, keep_connections=True)
        while True:
            code = _once(nr, options, wanted, waivers)
            if not wanted.watch_s:
                return code
            progress_printer(options)(f"checking again in {wanted.watch_s} s; {stop_instruction()}")
            time.sleep(wanted.watch_s)
            _refresh(nr)


def _once(nr: Nornir, options: Options, wanted: DriftOptions, waivers: list[Waiver]) -> int:
    report = check(nr, options, wanted, waivers)
    mended = None
    if wanted.mend_kinds and (hosts := hosts_to_mend(report, wanted.mend_kinds)):
        mended = mend_drift(nr, options, wanted, hosts)
        if any(host.reached for host in mended.hosts.values()):
            _refresh(nr)
            report = check(nr, options, wanted, waivers)
    report.mended = mended
    try:
        announce(site_of(nr), report, mended)
    except MoorError as error:
        warn(report, str(error))
    print_report(options, report, text.drift(report))
    return worst_code((drift_exit_code(report), 1 if mended and mended.failed else 0))


def check(nr: Nornir, options: Options, wanted: DriftOptions, waivers: list[Waiver]) -> RunReport:
    """Read the whole fleet, mark waived findings, and record the run."""
    report = run_and_report(nr, _book(nr, wanted.runbook), options, "drift")
    examine(nr, report, waivers)
    remember(nr, report)
    return report


def _book(nr: Nornir, name: str) -> Runbook:
    return replace(runbook_of(nr, name), independent=True) if name else all_stages(site_of(nr).directory)


def drift_exit_code(report: RunReport) -> int:
    """Return the exit code; a host that was not examined never counts as clean, nor as mere drift."""
    states = {finding.state for finding in unwaived_findings(report)}
    return 1 if "unexamined" in states else DIFFERS if states else 0


def refuse_unknown_kinds(nr: Nornir, wanted: DriftOptions) -> None:
    """Raise InputError if no resource of this fleet is of a kind that the user named."""
    if not wanted.mend_kinds:
        return
    stages, hosts = _book(nr, wanted.runbook).stages, nr.inventory.hosts.values()
    known = sorted({kind_of(resource.id) for host in hosts for resource in resources_ahead(host, stages)})
    unknown = [kind for kind in wanted.mend_kinds if kind not in known]
    if unknown:
        lines = [f"--apply: no resource is of kind {kind}{did_you_mean(kind, known)}" for kind in unknown]
        raise InputError("\n".join([*lines, f"(there are: {', '.join(known)})"]))


def hosts_to_mend(report: RunReport, kinds: tuple[str, ...]) -> list[str]:
    """List the completely examined hosts with unwaived drift of one of ``kinds`` that may be changed now."""
    free = {name: host for name, host in report.hosts.items() if not (host.unexamined or host.window)}
    drifted = (
        name
        for name, host in free.items()
        for resource in host.resources
        if resource.status == "drift" and not resource.waived and kind_of(resource.id) in kinds
    )
    return list(dict.fromkeys(drifted))


def mend_drift(nr: Nornir, options: Options, wanted: DriftOptions, hosts: list[str]) -> RunReport:
    """Mend the kinds that the user named, by the stages and in the batches of ``moor apply``.

    Args:
        hosts: those to mend; at most ``mend_hosts`` of them are mended now.
    """
    settings = site_of(nr)
    book = runbook_of(nr, wanted.runbook) if wanted.runbook else all_stages(settings.directory, independent=False)
    chosen = hosts[: settings.mend_hosts]
    rest = f"; {len(hosts) - len(chosen)} more wait for the next run" if len(hosts) > len(chosen) else ""
    progress_printer(options)(f"mending {', '.join(wanted.mend_kinds)} on {fold(chosen, ', ')}{rest}")
    _refresh(nr)
    some = nr.filter(filter_func=lambda host: host.name in chosen)
    mending = separate_nornir(some, dry_run=False, choice=Choice(wanted.mend_kinds))
    try:
        hooked = RollOut(in_windows=True, hooks=_hooks(mending))
        report = run_and_report(mending, replace(book, name="drift --apply"), options, "mend", hooked)
    except InputError as error:
        return not_mended(chosen, error)
    remember(mending, report)
    return report


def _hooks(nr: Nornir) -> HookRunner | None:
    """Return what runs the hooks of the site; raise InputError for programs that are not here."""
    hooks = hooks_of(nr)
    if hooks and (faults := list(hooks.faults())):
        raise InputError("\n".join(faults))
    return hooks


def not_mended(hosts: list[str], error: InputError) -> RunReport:
    """Return the report of a mend that was refused before any connection."""
    failed = {name: HostReport(error=f"not mended: {error}") for name in hosts}
    return RunReport("", "drift --apply", failed, command="mend")


def _refresh(nr: Nornir) -> None:
    """Reset failed hosts, so that they are read again over a new connection."""
    for name in nr.data.failed_hosts & set(nr.inventory.hosts):
        nr.inventory.hosts[name].close_connections()
    nr.data.reset_failed_hosts()
