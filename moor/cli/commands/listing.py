"""The action of list: runbooks and concerns, each with one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from moor.cli.commands.running import configure_logging, print_safely, refuse_other_output
from moor.cli.commands.site_directory import find_site
from moor.cli.options import Options, Output
from moor.output import paint
from moor.output.tables import render_list
from moor.run.selection import WHOLE, concern_of_stage, find_runbook
from moor.settings.modules import RUNBOOKS, TASKS, modules_of

WIDEST = 120


def show_list(options: Options) -> int:
    """Print the runbooks and concerns of a site; no host is contacted."""
    refuse_other_output(options, "list: it is")
    configure_logging(options.verbose)
    site = find_site(options.site)
    books, concerns = runbook_lines(site), concern_lines(site)
    if options.output is Output.json:
        print_safely(json.dumps({"schema": 1, "runbooks": books, "concerns": concerns}, indent=2))
    else:
        print_safely("\n".join(_text(books, concerns)))
    return 0


def _text(books: Mapping[str, str], concerns: Mapping[str, str]) -> Iterator[str]:
    yield "Runbooks, such as moor plan firewall:"
    yield from _rows(books)
    yield ""
    yield "Concerns of the runbook site in their order, such as moor plan trust names:"
    yield from _rows(concerns)


def _rows(rows: Mapping[str, str]) -> list[str]:
    return render_list(rows, min(paint.columns_of(sys.stdout) or WIDEST, WIDEST))


def runbook_lines(site: Path) -> dict[str, str]:
    """Return the first sentence of each runbook's page, ``site`` first."""
    names = sorted(modules_of(site).names(RUNBOOKS), key=lambda name: (name != WHOLE, name))
    return {name: _line(find_runbook(site, name).about, name) for name in names}


def concern_lines(site: Path) -> dict[str, str]:
    """Return the first sentence of each concern's module, in the order of the runbook ``site``."""
    found: dict[str, str] = {}
    for stage in find_runbook(site, WHOLE).stages:
        name = concern_of_stage(stage)
        if name not in found:
            found[name] = _line(_page(stage.task.__module__, name), name)
    return found


def _page(module: str, concern: str) -> str:
    """Return the docstring of a concern's module or package, to which a task of it or of a neighbour leads."""
    above, tasks, _ = module.partition(f".{TASKS}.")
    with suppress(ModuleNotFoundError):
        return import_module(f"{above}{tasks}{concern}" if tasks else module).__doc__ or ""
    return import_module(module).__doc__ or ""


def _line(text: str, name: str) -> str:
    """Return the first paragraph as one line, without the name of what it is about at its beginning."""
    line = " ".join(text.strip().split("\n\n")[0].split())
    head, found, rest = line.partition(": ")
    return rest[:1].upper() + rest[1:] if found and head.casefold() == name.replace("_", " ").casefold() else line
