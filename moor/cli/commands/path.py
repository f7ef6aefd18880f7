"""The action of path."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nornir.core import Nornir

from moor.cli.commands.running import open_fleet, print_safely, runbook_of
from moor.cli.commands.screen import working
from moor.cli.options import DIFFERS, Options, Output
from moor.context import site_of
from moor.errors import InputError
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
    if options.output not in (Output.text, Output.json):
        raise InputError(f"path: it prints text or json, not {options.output}; leave --output out")
    with open_fleet(options, dry_run=True) as nr:
        chosen = _chosen(nr, words)
        names = list(chosen.inventory.hosts)
        with working(f"follow the way of {fold(names)}", options.quiet):
            answer = pathfinder_of(runbook_of(nr, RUNBOOK)).found(nr, names)
    print_safely(ways_json(answer) if options.output is Output.json else render_ways(answer))
    if answer.unread:
        return 1
    return 0 if all(way.fits for way in answer.ways) else DIFFERS


def _chosen(nr: Nornir, words: Sequence[str]) -> Nornir:
    try:
        return limit_hosts(nr, ",".join(words), partial(earlier_hosts, site_of(nr)))
    except InputError as error:
        raise InputError(str(error).replace("--limit", "path")) from error
