"""The actions of bundle create, bundle check and bundle show."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nornir.core import Nornir

from moor.cli.commands.running import open_fleet, print_safely, progress_printer, refuse_other_output, runbook_of
from moor.cli.options import DIFFERS, Options, Output
from moor.formats.nesting import parse_json
from moor.output import text
from moor.progress import MB, send_progress_to
from moor.run.protocols.bundling import Bundles, BundleView, bundles_of

NAMES = 6  # of one kind that are printed
COMPLETE = "it has all that the inventory needs"


def create(options: Options, target: Path | None, since: Path | None, without: Sequence[str]) -> int:
    """Make a bundle: 0 if it has all that the inventory needs, 2 if something could not come along."""
    view = _run(options, "create", lambda book, nr: book.create(nr, target, since, without))
    _print(options, view, f"{view.path}: made; {{}}")
    return DIFFERS if view.lacking else 0


def check(options: Options, files: Sequence[Path]) -> int:
    """Check a bundle: 0 if it has all that the inventory needs, 2 if not; an altered one is an error."""
    view = _run(options, "check", lambda book, nr: book.check(nr, files))
    _print(options, view, f"{view.path}: every part is what its manifest says; {{}}")
    return DIFFERS if view.lacking else 0


def show(options: Options, file: Path | None) -> int:
    """Show a bundle, and return 0."""
    view = _run(options, "show", lambda book, nr: book.show(nr, file))
    _print(options, view, "")
    return 0


def _run(options: Options, word: str, asked: Callable[[Bundles, Nornir], BundleView]) -> BundleView:
    refuse_other_output(options, f"bundle {word}: it is")
    with open_fleet(options, dry_run=True) as nr, send_progress_to(progress_printer(options)):
        return asked(bundles_of(runbook_of(nr, "bundle")), nr)


def _print(options: Options, view: BundleView, last: str) -> None:
    if options.output is Output.json:
        shown = {"path": str(view.path), "lacking": list(view.lacking), "bundle": parse_json(view.document)}
        print_safely(json.dumps(shown, indent=2))
        return
    count = len(view.lacking)
    ending = COMPLETE if not count else f"{count} {'thing is' if count == 1 else 'things are'} missing"
    print_safely(
        text.joined(
            [*_table(view), *(f"  ! {line}" for line in view.lacking), *([last.format(ending)] if last else [])]
        )
    )


def _table(view: BundleView) -> Iterator[str]:
    since = f", since {view.since[:12]}" if view.since else ""
    yield f"{view.path}: made {view.created} by moor {view.moor}{since}"
    rows = [
        [row.kind, str(row.parts), f"{row.bytes / MB:.1f}", str(row.elsewhere) if view.since else "", _named(row.names)]
        for row in view.rows
    ]
    columns = ["kind", "parts", "MB", "elsewhere" if view.since else "", "what"]
    keep = [index for index, column in enumerate(columns) if column]
    yield text.table([columns[i] for i in keep], [[row[i] for i in keep] for row in rows])


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMES
    return ", ".join(names[:NAMES]) + (f" and {more} more" if more > 0 else "")
