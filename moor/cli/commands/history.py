"""The action of history: show runs and findings from the database, without hosts or inventory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from textwrap import indent
from typing import Any

from moor.cli.commands.running import print_safely, refuse_other_output
from moor.cli.commands.site_directory import find_site
from moor.cli.options import Options, Output
from moor.errors import InputError
from moor.history.database import connected
from moor.history.model import ChangeRow, FindingRow, HostRow, RunRow
from moor.history.reading import History
from moor.output import text
from moor.output.grouping import grouped
from moor.settings.access import SiteSettings
from moor.settings.config import read_config

SHOWN = timedelta(days=30)  # how long a cleared finding is shown with its host


def settings_for(options: Options) -> SiteSettings:
    """Return the site's settings without loading its inventory, so that history works with a broken one too."""
    return read_config(find_site(options.site).expanduser().absolute()).user_defined.moor


def history(options: Options, run: str, host: str, last: int) -> int:
    """Print history and return 0."""
    refuse_other_output(options, "history: it is")
    with connected(settings_for(options), writing=False) as connection:
        known = History(connection)
        shown = _of_run(known, run, host) if run else _of_host(known, host, last) if host else _of_all(known, last)
    plain = {key: [asdict(row) for row in rows] for key, rows in shown.items()}
    as_json = json.dumps({"schema": 1, **plain}, indent=2, default=lambda moment: moment.isoformat())
    print_safely(as_json if options.output is Output.json else "\n".join(_lines(shown)))
    return 0


Shown = dict[str, Sequence[Any]]


def _of_all(known: History, last: int) -> Shown:
    return {"runs": known.runs(last), "findings": known.open()}


def _of_host(known: History, host: str, last: int) -> Shown:
    runs = known.runs(last, host)
    if not runs:
        raise InputError(
            f"history: no run knows a host {host}; moor history lists runs, and moor history RUN its hosts"
        )
    since = datetime.now(UTC) - SHOWN
    changes = known.changes([run.run for run in runs], host)
    return {"runs": runs, "changes": changes, "findings": known.findings(since, host)}


def _of_run(known: History, name: str, host: str) -> Shown:
    run = known.run(name)
    if run is None:
        raise InputError(f"history: no run is called {name}; moor history lists the last ones")
    hosts = [row for row in known.hosts(run.run) if not host or row.host == host]
    return {"runs": [run], "hosts": hosts, "changes": known.changes([run.run], host)}


def _lines(shown: Shown) -> Iterator[str]:
    ticketed = any(run.ticket for run in shown["runs"])
    columns = ["run", "started (UTC)", "took", "command", "runbook", "hosts", "not examined", "findings", "changed"]
    rows = ([*_row(run), *([run.ticket or ""] if ticketed else [])] for run in shown["runs"])
    yield text.table([*columns, *(["ticket"] if ticketed else [])], rows)
    for group in grouped(((row.host, (_host(row),)) for row in shown.get("hosts", ())), addresses=True):
        yield f"  {group.names}: {group.shown[0]}"
    for group in grouped((row.host, (row.run, *_change(row))) for row in shown.get("changes", ())):
        run, head, words = group.shown
        yield f"  {head}  [{group.names}]  {run}\n{words}".rstrip()
    if findings := shown.get("findings"):
        yield "findings:"
        for group in grouped((row.host, _finding(row)) for row in findings):
            what, state = group.shown
            yield f"  {what}{f'  [{group.names}]' if group.hosts[0] else ''}  {state}"


def _host(row: HostRow) -> str:
    counted = ", ".join(f"{number} {status}" for status, number in row.counts.items()) or "not asked"
    return f"{counted}{f'; {_kind(row.error_kind)}{row.error}' if row.error else ''}"


def _kind(kind: str | None) -> str:
    return f"[{kind}] " if kind else ""


def _row(run: RunRow) -> list[str]:
    changed = run.counts.get("changed", 0)
    numbers = (run.hosts, run.not_examined, run.findings, changed)
    return [run.run, _moment(run.started), f"{run.duration_s:.1f} s", run.command, run.runbook, *map(str, numbers)]


def _change(row: ChangeRow) -> tuple[str, str]:
    """Return the line of a change without its host, and what stands below it."""
    error = f"{_kind(row.error_kind)}{row.error}" if row.error else ""
    words = indent("\n".join(filter(None, (row.diff, error))), "      ")
    return f"{text.SIGN.get(row.status, '?')} {row.id} ({row.status})", words


def _finding(row: FindingRow) -> tuple[str, str]:
    """Return what a finding is about and how it stands, without its host."""
    over = f", over {_moment(row.cleared)}" if row.cleared else f", last seen {_moment(row.last_seen)}"
    waived = f"  waived: {row.waived}" if row.waived else ""
    kind = f" ({row.error_kind})" if row.error_kind else ""
    return row.id, f"{row.state}{kind} since {_moment(row.first_seen)}{over}{waived}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
