"""Steps that commands share: opening the site, running a runbook, recording and printing the report."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module

from nornir.core import Nornir
from nornir.core.plugins.runners import RunnerPlugin
from nornir.plugins.runners import ThreadedRunner

from moor import garbage_collection
from moor.cli.commands.run_progress import RunProgress
from moor.cli.commands.screen import Screen, silence
from moor.cli.commands.site_directory import find_site
from moor.cli.options import DIFFERS, Options, Output
from moor.context import context_of, fleet_of, site_of
from moor.engine.plan import printable
from moor.errors import InputError
from moor.folding import fold
from moor.history.configurations import ConfigurationKeeper
from moor.history.earlier_hosts import earlier_hosts
from moor.history.model import RecordingResult
from moor.output import paint, text
from moor.output.grouping import note_shown
from moor.programs.connections import close_all_connections
from moor.progress import send_progress_to
from moor.run.beginning import begin_report, refuse_input
from moor.run.execution import run_runbook
from moor.run.host_words import LIMIT
from moor.run.interruption import finish_despite_signal, report_on_interrupt
from moor.run.report import Collector, RunReport
from moor.run.rolling.roll_out import TOGETHER, RollOut
from moor.run.runbook import Runbook
from moor.run.selection import find_runbook, limit_hosts, unmatched_hosts
from moor.runner.loop_runner import LoopRunner
from moor.secrets.secret import MaskingFilter
from moor.sites.site import open_site
from moor.workers.dask import DaskRunner

PRINTED_AT_ONCE = 1024 * 1024  # characters


@contextmanager
def open_fleet(
    options: Options, dry_run: bool, files: Mapping[str, str] | None = None, called: str = LIMIT
) -> Iterator[Nornir]:
    """Open the site that the options select; all connections are closed at the end.

    Args:
        options: the shared options
        dry_run: only plan
        files: other files of the inventory in place of the site's, by their key in config.yaml
        called: what the user wrote the limit behind
    """
    configure_logging(options.verbose)
    nr = open_site(find_site(options.site), dry_run=dry_run, files=files)
    if options.workers:
        nr = nr.with_runner(resize_runner(nr.runner, options.workers))
    if trouble := context_of(nr).trouble:
        print_warning(trouble)
    try:
        yield limit_hosts(nr, options.limit, partial(earlier_hosts, site_of(nr), called), called)
    finally:
        close_all_connections(nr)


def refuse_other_output(options: Options, what: str) -> None:
    """Raise InputError for an output that a command does not have; ``what`` it prints, such as ``path: it prints``."""
    if options.output not in (Output.text, Output.json):
        raise InputError(f"{what} text or json, not {options.output}; leave --output out")


def resize_runner(runner: RunnerPlugin, workers: int) -> RunnerPlugin:
    """Return a runner for ``workers`` hosts at once: that of config.yaml with another size, or the loop."""
    if isinstance(runner, DaskRunner):
        return runner.sized(workers)
    return ThreadedRunner(workers) if isinstance(runner, ThreadedRunner) else LoopRunner(workers)


def runbook_of(nr: Nornir, name: str) -> Runbook:
    """Return the site's runbook of that name, or the stages of a concern; raise InputError if there is none."""
    return find_runbook(site_of(nr).directory, name)


def worst_code(codes: Iterable[int]) -> int:
    """Return the worst of several exit codes: an error outweighs a difference."""
    return max(codes, key=(0, DIFFERS, 1).index)


def run_and_report(
    nr: Nornir, runbook: Runbook, options: Options, command: str, roll_out: RollOut = TOGETHER
) -> RunReport:
    """Run a runbook over the fleet and return the report; raise InputError for faults before any connection.

    Args:
        nr: the hosts; its processors take part in the run.
        runbook: the stages.
        options: those of the command line.
        command: the command that the user typed.
        roll_out: how the run goes over the hosts.
    """
    refuse_input(nr, runbook, command)
    if options.limit and (beside := unmatched_hosts(nr, runbook)):
        progress_printer(options)(f"{command} asks nothing of {fold(beside, ', ')}")
    report = begin_report(nr, runbook, command, roll_out)
    collector = Collector(report)
    screen = Screen(options.quiet, animated=not options.verbose and options.workers != 1)  # pdb needs the terminal
    progress = RunProgress(nr, runbook, report, screen)

    def last_words() -> str:
        _stop_new_work(nr, collector)
        words = text.interrupted(report, _unfinished(nr, runbook, collector))
        report.warnings.append(words)
        return paint.painted(printable(render_report(report, options.output) or words), sys.stdout)

    if not nr.data.dry_run:
        # Imported now, since it is slow and an interrupted run has only seconds to be recorded.
        import_module("moor.history.recording")

    def record_interrupted() -> None:
        if not nr.data.dry_run:
            remember(nr, replace(report, command=f"{command} (interrupted)"))

    garbage_collection.freeze_startup_objects()
    with send_progress_to(screen.line), report_on_interrupt(last_words, record_interrupted), progress.ticking():
        keeper = ConfigurationKeeper(nr)
        run = nr.with_processors([*nr.processors, collector, progress, keeper])
        report.skip(run_runbook(run, runbook, screen.line, roll_out))
    if trouble := keeper.keep(report):
        warn(report, trouble)
    return report


def _stop_new_work(nr: Nornir, collector: Collector) -> None:
    """Stop new work on all hosts, also on workers, and stop progress output."""
    collector.stop(nr.runner.halt() if isinstance(nr.runner, DaskRunner) else {})
    silence()


def _unfinished(nr: Nornir, runbook: Runbook, collector: Collector) -> Iterator[text.Unfinished]:
    """Yield each host's current stage and the stages that it had not reached."""
    for name, host in nr.inventory.hosts.items():
        at = collector.busy.get(name, "")
        stages = (stage.name for stage in runbook.stages if stage.runs_on(host))
        yield text.Unfinished(
            name, at, tuple(stage for stage in stages if stage != at and (name, stage) not in collector.ended)
        )


def remember(nr: Nornir, report: RunReport) -> RecordingResult:
    """Record a run in history; if that fails, the run still counts and the report has a warning."""
    from moor.history.recording import record

    recorded: list[RecordingResult] = []
    fleet = frozenset(fleet_of(nr).hosts)
    finish_despite_signal(lambda: recorded.append(record(site_of(nr), report, fleet)))
    if recorded[0].trouble:
        warn(report, f"this run is not recorded: {recorded[0].trouble}")
    return recorded[0]


def warn(report: RunReport, words: str) -> None:
    """Add a warning to the report and print it on standard error."""
    report.warnings.append(printable(words))
    print_warning(words)


def print_warning(words: str) -> None:
    """Print a warning on standard error, also with --quiet."""
    head = paint.painted_words("moor:", paint.YELLOW, sys.stderr)
    print(f"{head} {printable(words)}", file=sys.stderr, flush=True)


def progress_printer(options: Options) -> Callable[[str], None]:
    """Return a function that prints progress on standard error, or nothing with --quiet."""
    return Screen(options.quiet).line


def print_report(options: Options, report: RunReport, words: str) -> None:
    """Print a report on standard output in the format of --output; ``words`` is its text form."""
    if formatted := render_report(report, options.output):
        print_source(formatted)
        return
    print_safely(words)
    note_shown(report)


def print_safely(words: str) -> None:
    """Print on standard output, secrets masked and control characters escaped; coloured on a terminal."""
    _print(paint.painted(printable(words), sys.stdout))


def print_source(words: str) -> None:
    """Print what people copy or programs read, such as YAML or a script: as ``print_safely``, and never coloured."""
    _print(printable(words))


def _print(shown: str) -> None:
    for at in range(0, len(shown), PRINTED_AT_ONCE):  # since Python encodes as a whole what it is given
        sys.stdout.write(shown[at : at + PRINTED_AT_ONCE])
    print(flush=True)


def render_report(report: RunReport, output: Output) -> str:
    """Return a report in a format for programs; empty for text."""
    if output is Output.json:
        return report.json()
    if output is Output.junit:
        from moor.output.junit import junit

        return junit(report)
    if output is Output.metrics:
        from moor.output.metrics import metrics

        return metrics(report).decode().rstrip("\n")
    if output is Output.markdown:
        from moor.output.markdown import markdown

        return markdown(report)
    return ""


def configure_logging(verbose: bool) -> None:
    """Send the logs of Nornir, Paramiko and Netmiko to standard error if ``verbose``, else discard them."""
    for name in ("nornir", "paramiko", "netmiko"):
        logger = logging.getLogger(name)
        logger.propagate = verbose
        logger.addHandler(logging.NullHandler())
    if verbose:
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(MaskingFilter())
        logging.basicConfig(level=logging.INFO, handlers=[handler], format="%(levelname)s %(name)s: %(message)s")
