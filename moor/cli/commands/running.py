"""What all commands share: a site that is open, a run that is reported, words that go out."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module

from nornir.core import Nornir
from nornir.core.plugins.runners import RunnerPlugin
from nornir.plugins.runners import ThreadedRunner

from moor import garbage_collection
from moor.cli.options import DIFFERS, Options, Output
from moor.context import change_context, context_of, fleet_of, new_run, site_of
from moor.engine.plan import printable
from moor.history.model import RecordingResult
from moor.output import text
from moor.progress import send_progress_to
from moor.run.input_check import refuse_bad_input
from moor.run.interruption import finish_despite_signal, report_on_interrupt
from moor.run.report import Collector, HostReport, RunReport
from moor.run.runbook import Runbook, run_runbook
from moor.run.selection import find_runbook, limit_hosts, refuse_unfilled, refuse_unmatched, unmatched_hosts
from moor.secrets.secret import MaskingFilter
from moor.settings.access import SiteSettings
from moor.sites.opening import find_site, open_site
from moor.workers.dask import DaskRunner

SILENT_S = 1.0  # how long a line of progress may take to go out before an end is told without it
_telling = threading.Lock()  # of who prints progress


@contextmanager
def opened(options: Options, dry_run: bool) -> Iterator[Nornir]:
    """Open the site that the options name; every connection is closed at the end, whatever happened."""
    quieten(options.verbose)
    nr = open_site(find_site(options.site), dry_run=dry_run)
    if options.workers:
        nr = nr.with_runner(sized(nr.runner, options.workers))
    if trouble := context_of(nr).trouble:
        alert(trouble)
    try:
        yield limit_hosts(nr, options.limit)
    finally:
        nr.close_connections(on_good=True, on_failed=True)


def sized(runner: RunnerPlugin, workers: int) -> RunnerPlugin:
    """Return a runner that takes ``workers`` hosts at once; one that goes beyond this process stays what it is."""
    return runner.sized(workers) if isinstance(runner, DaskRunner) else ThreadedRunner(num_workers=workers)


def site_in(nr: Nornir) -> SiteSettings:
    """Return the settings of the open site."""
    return site_of(nr)


def book_of(nr: Nornir, name: str) -> Runbook:
    """Return the open site's runbook of that name, or the stages of one concern; raises InputError."""
    return find_runbook(site_in(nr).directory, name)


def worst(codes: Iterable[int]) -> int:
    """Return the exit code of several: an error outweighs a difference."""
    return max(codes, key=(0, DIFFERS, 1).index)


def play(nr: Nornir, runbook: Runbook, options: Options, command: str) -> RunReport:
    """Run a runbook over the fleet and report what it found; raises InputError before anything is reached."""
    refuse_input(nr, runbook, command)
    if options.limit and (beside := unmatched_hosts(nr, runbook)):
        teller(options)(f"{command} asks nothing of {', '.join(beside)}")
    context = change_context(nr, run=new_run(), command=command)
    report = RunReport(context.run, runbook.name, {name: HostReport() for name in nr.inventory.hosts}, command=command)
    told, collector = teller(options), Collector(report)

    def last_words() -> str:
        _hold_still(nr, collector)
        words = text.interrupted(report, _unfinished(nr, runbook, collector))
        report.warnings.append(words)
        return printable(shaped(report, options.output) or words)

    if not nr.data.dry_run:
        import_module("moor.history.recording")  # slow, and an interrupted run has seconds to be recorded

    def leave_a_record() -> None:
        if not nr.data.dry_run:
            remember(nr, replace(report, command=f"{command} (interrupted)"))

    garbage_collection.freeze_startup_objects()
    with send_progress_to(told), report_on_interrupt(last_words, leave_a_record):
        report.skip(run_runbook(nr.with_processors([collector]), runbook, told))
    return report


def refuse_input(nr: Nornir, runbook: Runbook, command: str) -> None:
    """Raise InputError with what is wrong in the words of a command or in the inventory, before anything is reached."""
    refuse_unfilled(nr, runbook.stages)
    refuse_unmatched(nr, runbook, command)
    refuse_bad_input(nr.inventory.hosts.values(), runbook.stages, examining=runbook.independent)


def _hold_still(nr: Nornir, collector: Collector) -> None:
    """Have nothing begin any more on any host, here or on workers, and no progress be told of it."""
    collector.stop(nr.runner.halt() if isinstance(nr.runner, DaskRunner) else {})
    _telling.acquire(timeout=SILENT_S)


def _unfinished(nr: Nornir, runbook: Runbook, collector: Collector) -> Iterator[text.Unfinished]:
    """Say of each host what it is at, and which stages were still to come."""
    for name, host in nr.inventory.hosts.items():
        at = collector.busy.get(name, "")
        stages = (stage.name for stage in runbook.stages if stage.runs_on(host))
        yield text.Unfinished(
            name, at, tuple(stage for stage in stages if stage != at and (name, stage) not in collector.ended)
        )


def remember(nr: Nornir, report: RunReport) -> RecordingResult:
    """Record a run in history; where that fails the run counts nevertheless, and the report says so."""
    from moor.history.recording import record

    recorded: list[RecordingResult] = []
    fleet = frozenset(fleet_of(nr).hosts)
    finish_despite_signal(lambda: recorded.append(record(site_in(nr), report, fleet)))
    if recorded[0].trouble:
        warn(report, f"this run is not recorded: {recorded[0].trouble}")
    return recorded[0]


def warn(report: RunReport, words: str) -> None:
    """Tell what went wrong beside the fleet, on standard error and in the report."""
    report.warnings.append(printable(words))
    alert(words)


def alert(words: str) -> None:
    """Tell on standard error what a user should know, however quiet the command is."""
    print(f"moor: {printable(words)}", file=sys.stderr, flush=True)


def teller(options: Options) -> Callable[[str], None]:
    """Return what tells progress on standard error, unless the user wants quiet."""

    def tell(line: str) -> None:
        if not options.quiet:
            with _telling:
                print(printable(line), file=sys.stderr, flush=True)

    return tell


def put(options: Options, report: RunReport, words: str) -> None:
    """Print a report on standard output in the shape that the user asked for."""
    say(shaped(report, options.output) or words)


def say(words: str) -> None:
    """Print on standard output, safe to show."""
    print(printable(words), flush=True)


def shaped(report: RunReport, output: Output) -> str:
    """Return a report in a shape for programs; empty for text."""
    if output is Output.json:
        return report.json()
    if output is Output.junit:
        from moor.output.junit import junit

        return junit(report)
    if output is Output.metrics:
        from moor.output.metrics import metrics

        return metrics(report).decode().rstrip("\n")
    return ""


def quieten(verbose: bool) -> None:
    """Send Nornir's and Paramiko's logs to standard error where the user asked, else nowhere."""
    for name in ("nornir", "paramiko", "netmiko"):
        logger = logging.getLogger(name)
        logger.propagate = verbose
        logger.addHandler(logging.NullHandler())
    if verbose:
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(MaskingFilter())
        logging.basicConfig(level=logging.INFO, handlers=[handler], format="%(levelname)s %(name)s: %(message)s")
