"""What history knows, asked by command line, report and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, nulls_last, or_, select

from moor.history.model import ChangeRow, ExpiryRow, FindingRow, HostRow, RunRow
from moor.history.tables import changes, expiries, findings, hosts, runs

RECENT = 50  # runs that are searched for one of the whole fleet
RUN_COLUMNS = tuple(column for column in runs.c if column.name != "number")


@dataclass(frozen=True)
class History:
    """Reads over one open connection, ``connected(settings, writing=False)``; newest first unless said otherwise."""

    connection: Connection

    def runs(self, limit: int = 50, host: str = "", command: str = "") -> list[RunRow]:
        """List the last runs, of one host or one command where they are named."""
        newest = (runs.c.started.desc(), nulls_last(runs.c.number.desc()), runs.c.run.desc())
        query = select(*RUN_COLUMNS).order_by(*newest).limit(limit)
        if host:
            query = query.join(hosts, hosts.c.run == runs.c.run).where(hosts.c.host == host)
        if command:
            query = query.where(runs.c.command == command)
        return [RunRow(*row) for row in self.connection.execute(query)]

    def run(self, name: str) -> RunRow | None:
        """Return one run, by its name or the only one that begins so."""
        query = select(*RUN_COLUMNS).where(runs.c.run.startswith(name, autoescape=True)).limit(2)
        found = [RunRow(*row) for row in self.connection.execute(query)]
        exact = [run for run in found if run.run == name]
        return exact[0] if exact else found[0] if len(found) == 1 else None

    def hosts(self, run: str) -> list[HostRow]:
        """List what a run found on each host, by name."""
        query = select(hosts).where(hosts.c.run == run).order_by(hosts.c.host)
        return [HostRow(*row) for row in self.connection.execute(query)]

    def changes(self, runs_: Sequence[str], host: str = "") -> list[ChangeRow]:
        """List what was not as it should be in some runs, in the order in which it was found."""
        query = select(*changes.c[1:]).where(changes.c.run.in_(runs_)).order_by(changes.c.number)
        rows = self.connection.execute(query.where(changes.c.host == host) if host else query)
        return [ChangeRow(*row) for row in rows]

    def open(self, host: str = "") -> list[FindingRow]:
        """List the findings that are open, oldest first."""
        return self._findings(findings.c.cleared.is_(None), host)

    def findings(self, since: datetime, host: str = "") -> list[FindingRow]:
        """List the findings that were open at ``since`` or later, oldest first."""
        return self._findings(or_(findings.c.cleared.is_(None), findings.c.cleared >= since), host)

    def _findings(self, those: ColumnElement[bool], host: str) -> list[FindingRow]:
        query = select(findings).where(those).order_by(findings.c.first_seen, findings.c.number)
        rows = self.connection.execute(query.where(findings.c.host == host) if host else query)
        return [finding(row) for row in rows]

    def expiries(self) -> list[ExpiryRow]:
        """List what ends by itself, the next first."""
        columns = (expiries.c[key] for key in ("id", "host", "what", "remedy", "expires"))
        return [ExpiryRow(*row) for row in self.connection.execute(select(*columns).order_by(expiries.c.expires))]

    def fleet(self, command: str = "drift") -> list[HostRow]:
        """Return each host as the last run of a command saw it, by name; hosts that left the inventory are gone."""
        found: dict[str, HostRow] = {}
        for run in self.runs(RECENT, command=command):
            seen = {row.host: row for row in self.hosts(run.run)}
            found = {**seen, **found}
            if run.whole:
                return [found[name] for name in sorted(seen)]
        return [found[name] for name in sorted(found)]


def finding(row: Row[Any]) -> FindingRow:
    """Return a row of the table as a value."""
    return FindingRow(
        row.host, row.id, row.state, row.what, row.remedy, row.waived, row.first_seen, row.last_seen, row.cleared,
        row.error_kind,
    )  # fmt: skip
