"""The actions of device: show what history keeps of network devices, without contact to them or to the inventory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from difflib import unified_diff
from typing import Any

from moor.cli.commands.history import settings_for
from moor.cli.commands.running import print_safely, print_source, refuse_other_output
from moor.cli.options import Options, Output
from moor.errors import InputError
from moor.folding import fold
from moor.history.configurations import ConfigurationRow, newest, of_device, text_of
from moor.history.connection import Connection
from moor.history.database import connected
from moor.output import text
from moor.output.devices import changed_by
from moor.suggestions import did_you_mean

AROUND = 3  # lines around a change


def history(options: Options, host: str) -> int:
    """Print the configurations of a device, newest first, or the last one of each device; return 0."""
    refuse_other_output(options, "device history: it is")
    with connected(settings_for(options), writing=False) as connection:
        rows = _rows(connection, host) if host else [row for _, row in sorted(newest(connection).items())]
    if options.output is Output.json:
        _print_json({"configurations": [asdict(row) for row in rows]})
    elif rows:
        print_safely(_table(rows, with_host=not host))
    else:
        print_safely("no configuration of a device is kept; moor drift keeps the first")
    return 0


def diff(options: Options, host: str, old: int, new: int) -> int:
    """Print the difference of two versions; return 0."""
    refuse_other_output(options, "device diff: it is")
    with connected(settings_for(options), writing=False) as connection:
        rows = {row.version: row for row in _rows(connection, host)}
        after = _version(rows, host, new)
        before = _version(rows, host, old) if old else rows.get(after.version - 1)
        if before is None:
            raise InputError(f"device: no version of {host} before {after.version} is kept; {_those(rows)}")
        was, now = (text_of(connection, row).splitlines() for row in (before, after))
    old_head, new_head = (f"{host} version {row.version}, {_moment(row.first_seen)} UTC" for row in (before, after))
    lines = list(unified_diff(was, now, old_head, new_head, n=AROUND, lineterm=""))
    if options.output is Output.json:
        _print_json({"old": asdict(before), "new": asdict(after), "diff": "\n".join(lines[2:])})
        return 0
    told = f"{_by(after)}\n" if before.version == after.version - 1 and _by(after) else ""
    print_safely(told + ("\n".join(lines) or f"versions {before.version} and {after.version} are equal"))
    return 0


def show(options: Options, host: str, version: int) -> int:
    """Print the text of a version; return 0."""
    refuse_other_output(options, "device show: it is")
    with connected(settings_for(options), writing=False) as connection:
        row = _version({row.version: row for row in _rows(connection, host)}, host, version)
        kept = text_of(connection, row)
    if options.output is Output.json:
        _print_json({**asdict(row), "text": kept})
    else:
        print_source(kept.rstrip("\n"))
    return 0


def _rows(connection: Connection, host: str) -> list[ConfigurationRow]:
    rows = of_device(connection, host)
    if not rows:
        known = sorted(newest(connection))
        others = f"there are {fold(known, ', ')}" if known else "moor drift keeps the first"
        raise InputError(f"device: no configuration of {host} is kept{did_you_mean(host, known)} ({others})")
    return rows


def _version(rows: Mapping[int, ConfigurationRow], host: str, version: int) -> ConfigurationRow:
    """Return the row of a version, of the last one for 0."""
    found = rows.get(version or max(rows))
    if found is None:
        raise InputError(f"device: no version {version} of {host} is kept; {_those(rows)}")
    return found


def _those(rows: Mapping[int, ConfigurationRow]) -> str:
    first, last = min(rows), max(rows)
    return f"there is version {last} alone" if first == last else f"there are versions {first} to {last}"


def _table(rows: Sequence[ConfigurationRow], *, with_host: bool) -> str:
    columns = ["version", "first seen (UTC)", "last seen (UTC)", "lines", "change", "changed by"]
    return text.table(["host", *columns] if with_host else columns, (list(_cells(row, with_host)) for row in rows))


def _cells(row: ConfigurationRow, with_host: bool) -> Iterator[str]:
    if with_host:
        yield row.host
    yield from (str(row.version), _moment(row.first_seen), _moment(row.last_seen), str(row.lines))
    yield f"+{row.added} -{row.removed}" if row.version > 1 else "first kept"
    yield _by(row)


def _by(row: ConfigurationRow) -> str:
    """Return who changed it, and when."""
    return changed_by(row.changed_by, row.changed_at)


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"


def _print_json(found: Mapping[str, Any]) -> None:
    print_source(json.dumps({"schema": 1, **found}, indent=2, default=lambda moment: moment.isoformat()))
