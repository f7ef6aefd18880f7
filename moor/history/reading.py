"""Queries of the history database, for the command line and the HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, nulls_last, or_, select

from moor.errors import AmbiguousRun
from moor.history.model import ChangeRow, ExpiryRow, FindingRow, HostRow, RunRow
from moor.history.tables import changes, expiries, findings, hosts, runs

RECENT = 50  # how many runs are searched for one of the whole fleet
RUN_COLUMNS = tuple(column for column in runs.c if column.name != "number")


@dataclass(frozen=True)
class History:
    """Queries over one open connection, as ``connected(settings, writing=False)`` yields it."""

    connection: Connection

    def runs(self, limit: int = 50, host: str = "", command: str = "") -> list[RunRow]:
        """Return the last runs, newest first, optionally those of one host or one command."""
        newest = (runs.c.started.desc(), nulls_last(runs.c.number.desc()), runs.c.run.desc())
        query = select(*RUN_COLUMNS).order_by(*newest).limit(limit)
        if host:
            query = query.join(hosts, hosts.c.run == runs.c.run).where(hosts.c.host == host)
        if command:
            query = query.where(runs.c.command == command)
        return [RunRow(*row) for row in self.connection.execute(query)]

    def run(self, name: str) -> RunRow | None:
        """Return one run, by its name or the beginning of it; None if there is none.

        Raises:
            AmbiguousRun: the names of several runs begin so.
        """
        query = select(*RUN_COLUMNS).where(runs.c.run.startswith(name, autoescape=True)).order_by(runs.c.run).limit(2)
        found = [RunRow(*row) for row in self.connection.execute(query)]
        if len(found) > 1 and found[0].run != name:
            both = " and ".join(run.run for run in found)
            raise AmbiguousRun(f"several runs begin with {name}, such as {both}; write more of the name")
        return found[0] if found else None

    def hosts(self, run: str) -> list[HostRow]:
        """Return what a run found on each host, by name."""
        query = select(hosts).where(hosts.c.run == run).order_by(hosts.c.host)
        return [HostRow(*row) for row in self.connection.execute(query)]

    def changes(self, runs_: Sequence[str], host: str = "") -> list[ChangeRow]:
        """Return the resources of some runs that were not ``ok``, in the order of recording."""
        query = select(*changes.c[1:]).where(changes.c.run.in_(runs_)).order_by(changes.c.number)
        rows = self.connection.execute(query.where(changes.c.host == host) if host else query)
        return [ChangeRow(*row) for row in rows]

    def open(self, host: str = "") -> list[FindingRow]:
        """Return the open findings, oldest first."""
        return self._findings(findings.c.cleared.is_(None), host)

    def findings(self, since: datetime, host: str = "") -> list[FindingRow]:
        """Return the findings that were open at ``since`` or later, oldest first."""
        return self._findings(or_(findings.c.cleared.is_(None), findings.c.cleared >= since), host)

    def _findings(self, condition: ColumnElement[bool], host: str) -> list[FindingRow]:
        query = select(findings).where(condition).order_by(findings.c.first_seen, findings.c.number)
        rows = self.connection.execute(query.where(findings.c.host == host) if host else query)
        return [finding(row) for row in rows]

    def expiries(self) -> list[ExpiryRow]:
        """Return the expiries, the next one first."""
        columns = (expiries.c[key] for key in ("id", "host", "what", "remedy", "expires"))
        return [ExpiryRow(*row) for row in self.connection.execute(select(*columns).order_by(expiries.c.expires))]

    def fleet(self, command: str = "drift") -> list[HostRow]:
        """Return the latest row of each host for one command, by name, without hosts that left the inventory."""
        found: dict[str, HostRow] = {}
        for run in self.runs(RECENT, command=command):
            seen = {row.host: row for row in self.hosts(run.run)}
            found = {**seen, **found}
            if run.whole:
                return [found[name] for name in sorted(seen)]
        return [found[name] for name in sorted(found)]


def finding(row: Row[Any]) -> FindingRow:
    """Return a row of the table ``findings`` as a value."""
    return FindingRow(
        row.host, row.id, row.state, row.what, row.remedy, row.waived, row.first_seen, row.last_seen, row.cleared,
        row.error_kind,
    )  # fmt: skip
