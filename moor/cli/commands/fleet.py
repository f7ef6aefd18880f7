"""The actions of plan, apply, verify and check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from moor.cli.commands.diagnose import proof_exit_code
from moor.cli.commands.rolling import roll_out_of
from moor.cli.commands.running import (
    open_fleet,
    print_report,
    print_source,
    progress_printer,
    refuse_other_output,
    remember,
    run_and_report,
    runbook_of,
    warn,
    worst_code,
)
from moor.cli.options import DIFFERS, Options, Output
from moor.cli.rolling import AS_WRITTEN, RollingWords, command_line
from moor.context import site_of
from moor.output import text
from moor.output.matrix import matrix
from moor.programs.windows import note_windows
from moor.run.beginning import refuse_input
from moor.run.input_check import refuse_bad_input
from moor.run.part import WHOLE, Part, take_part
from moor.run.selection import refuse_unfilled
from moor.run.waivers import read_waivers

NOTHING_PROVED = (
    "nothing was proved: no host of this run has a proof; nodes and outsiders have some, and a cluster with workloads"
)


def plan(options: Options, name: str, rolling: RollingWords = AS_WRITTEN, part: Part = WHOLE) -> int:
    """Plan a runbook: 0 nothing to do, 2 there are changes, 1 a host failed.

    Args:
        options: the shared options.
        name: the runbook, or a concern.
        rolling: the words of the apply that follows; what is wrong in them is refused now.
        part: which part of the runbook.
    """
    with open_fleet(options, dry_run=True) as nr:
        book = take_part(nr, runbook_of(nr, name), part)
        roll_out_of(nr, book, rolling)
        report = run_and_report(nr, book, options, "plan")
        note_windows(nr, report)
    print_report(options, report, text.plan(report))
    return 1 if report.failed else DIFFERS if report.differs else 0


def show_scripts(options: Options, name: str, part: Part = WHOLE) -> int:
    """Show the scripts that an apply would send: 0 if it would change nothing, 2 if it would, 1 if it would fail."""
    from moor.run.preview import format_json, format_text, preview_hosts

    refuse_other_output(options, "plan: --show-script: it is")
    with open_fleet(options, dry_run=True) as nr:
        book = take_part(nr, runbook_of(nr, name), part)
        refuse_input(nr, book, "plan")
        found = preview_hosts(nr, book)
    print_source(format_json(found) if options.output is Output.json else format_text(found))
    return worst_code(1 if one.failed else DIFFERS if one.differs else 0 for one in found.values())


def apply(options: Options, name: str, rolling: RollingWords = AS_WRITTEN, part: Part = WHOLE) -> int:
    """Apply a runbook: 0 done, 1 a host failed or was skipped."""
    with open_fleet(options, dry_run=False) as nr:
        book = take_part(nr, runbook_of(nr, name), part)
        report = run_and_report(nr, book, options, "apply", roll_out_of(nr, book, rolling))
        if report.stopped:
            report.go_on = command_line("apply", name, options, (*part.typed(), *rolling.typed()))
        remember(nr, report)
    print_report(options, report, text.applied(report))
    return 1 if report.failed else 0


def refuse(options: Options, name: str, rolling: RollingWords, part: Part = WHOLE) -> None:
    """Raise InputError with the faults that would refuse an apply; no host is contacted."""
    with open_fleet(options, dry_run=True) as nr:
        book = take_part(nr, runbook_of(nr, name), part)
        roll_out_of(nr, book, rolling)
        refuse_input(nr, book, "apply")


def verify(options: Options) -> int:
    """Prove the fleet from every node: 0 if all holds, 2 for a fault, 1 if a host was not examined."""
    with open_fleet(options, dry_run=True) as nr:
        report = run_and_report(nr, runbook_of(nr, "verify"), options, "verify")
        remember(nr, report)
    unproved = not any(one.status == "ok" for host in report.hosts.values() for one in host.resources)
    code = proof_exit_code(report)
    if unproved and not code:
        warn(report, NOTHING_PROVED)
    print_report(options, report, matrix(report))
    return 1 if unproved and not code else code


def check(options: Options, confirm: Callable[[str], bool] | None) -> int:
    """Validate config and inventory, reach every host and check the requirements: 0 all met, else 1.

    Args:
        confirm: asks before new host keys are pinned; None pins none
    """
    from moor.run.reach_host import pin_new_host_keys

    with open_fleet(options, dry_run=True) as nr:
        refuse_unfilled(nr, runbook_of(nr, "site").stages)
        refuse_bad_input(nr.inventory.hosts.values(), runbook_of(nr, "site").stages, partly=True)
        settings = site_of(nr)
        read_waivers(settings.waivers, settings.directory)
        if confirm:
            pin_new_host_keys(
                nr, confirm, progress_printer(replace(options, quiet=False))
            )  # a key is never pinned unseen
        report = run_and_report(nr, runbook_of(nr, "check"), options, "check")
    print_report(options, report, text.reached(report))
    return 1 if report.failed else 0
