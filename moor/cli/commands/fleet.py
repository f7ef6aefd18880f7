"""What plan, apply, verify and check do, once their words are understood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from moor.cli.commands.diagnose import verdict
from moor.cli.commands.running import book_of, opened, play, put, refuse_input, remember, say, site_in, teller, worst
from moor.cli.options import DIFFERS, Options, Output
from moor.errors import InputError
from moor.output import text
from moor.output.matrix import matrix
from moor.run.input_check import refuse_bad_input
from moor.run.selection import refuse_unfilled
from moor.run.waivers import read_waivers


def plan(options: Options, name: str) -> int:
    """Plan a runbook: 0 nothing to do, 2 there are changes, 1 a host failed."""
    with opened(options, dry_run=True) as nr:
        report = play(nr, book_of(nr, name), options, "plan")
    put(options, report, text.plan(report))
    return 1 if report.failed else DIFFERS if report.differs else 0


def show_scripts(options: Options, name: str) -> int:
    """Show the scripts that an apply would send now: 0 it would change nothing, 2 it would, 1 it would stop."""
    from moor.run.preview import format_json, format_text, preview_hosts

    if options.output not in (Output.text, Output.json):
        raise InputError(f"plan: --show-script: it is text or json, not {options.output}; leave --output out")
    with opened(options, dry_run=True) as nr:
        book = book_of(nr, name)
        refuse_input(nr, book, "plan")
        found = preview_hosts(nr, book)
    say(format_json(found) if options.output is Output.json else format_text(found))
    return worst(1 if one.failed else DIFFERS if one.differs else 0 for one in found.values())


def apply(options: Options, name: str) -> int:
    """Apply a runbook: 0 done, 1 a host failed or was skipped."""
    with opened(options, dry_run=False) as nr:
        report = play(nr, book_of(nr, name), options, "apply")
        remember(nr, report)
    put(options, report, text.applied(report))
    return 1 if report.failed else 0


def refuse(options: Options, name: str) -> None:
    """Raise InputError with what an apply of a runbook would be refused for; no host is reached."""
    with opened(options, dry_run=True) as nr:
        refuse_input(nr, book_of(nr, name), "apply")


def verify(options: Options) -> int:
    """Prove the fleet from every node: 0 it holds, 2 a fault, 1 a host was not examined."""
    with opened(options, dry_run=True) as nr:
        report = play(nr, book_of(nr, "verify"), options, "verify")
        remember(nr, report)
    put(options, report, matrix(report))
    return verdict(report)


def check(options: Options, confirm: Callable[[str], bool] | None) -> int:
    """Validate config and inventory, reach every host and find what would stop the job: 0 nothing, 1 something.

    Args:
        confirm: is asked before new host keys are pinned; without it none are
    """
    from moor.run.reach_host import pin_new_host_keys

    with opened(options, dry_run=True) as nr:
        refuse_unfilled(nr, book_of(nr, "site").stages)
        refuse_bad_input(nr.inventory.hosts.values(), book_of(nr, "site").stages, partly=True)
        settings = site_in(nr)
        read_waivers(settings.waivers, settings.directory)
        if confirm:
            pin_new_host_keys(nr, confirm, teller(replace(options, quiet=False)))  # a key is never pinned unseen
        report = play(nr, book_of(nr, "check"), options, "check")
    put(options, report, text.reached(report))
    return 1 if report.failed else 0
