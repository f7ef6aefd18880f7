"""The action of path."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from moor.cli.commands.running import open_fleet, print_safely, refuse_other_output, runbook_of
from moor.cli.commands.screen import working
from moor.cli.options import DIFFERS, Options, Output
from moor.context import site_of
from moor.folding import fold
from moor.history.earlier_hosts import earlier_hosts
from moor.output.ways import render_ways, ways_json
from moor.run.protocols.pathfinding import pathfinder_of
from moor.run.selection import limit_hosts

RUNBOOK = "path"


def path(options: Options, words: Sequence[str]) -> int:
    """Show the ways of hosts to the registry: 0 all are open now and after the plan, 2 not, 1 something was not read.

    Raises:
        InputError: a word names no host, or one that does not pull
    """
    refuse_other_output(options, "path: it prints")
    with open_fleet(options, dry_run=True) as nr:
        chosen = limit_hosts(nr, ",".join(words), partial(earlier_hosts, site_of(nr), RUNBOOK), RUNBOOK)
        names = list(chosen.inventory.hosts)
        with working(f"follow the way of {fold(names)}", options.quiet):
            answer = pathfinder_of(runbook_of(nr, RUNBOOK)).found(nr, names)
    print_safely(ways_json(answer) if options.output is Output.json else render_ways(answer))
    if answer.unread:
        return 1
    return 0 if all(way.fits for way in answer.ways) else DIFFERS
