"""Queries of the history database, for the command line and the HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moor.errors import AmbiguousRun
from moor.history.connection import Connection, as_values
from moor.history.model import ChangeRow, ExpiryRow, FindingRow, HostRow, MeasurementRow, RunRow
from moor.history.sql import among, select

ALL = 2**31 - 1
RECENT = 50  # how many runs are searched for one of the whole fleet
OF_HOST = "EXISTS (SELECT 1 FROM hosts WHERE hosts.run = runs.run AND hosts.host = :host)"
NEWEST = "ORDER BY started DESC, number DESC NULLS LAST, run DESC LIMIT :most"


@dataclass(frozen=True)
class History:
    """Queries over one open connection, as ``connected(settings, writing=False)`` yields it."""

    connection: Connection

    def runs(self, limit: int = 50, host: str = "", command: str = "") -> list[RunRow]:
        """Return the last runs, newest first, optionally those of one host or one command."""
        conditions = [*([OF_HOST] if host else ()), *(["command = :command"] if command else ())]
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        values = _given({"most": limit, "host": host, "command": command})
        return as_values(RunRow, self.connection.rows(select(RunRow, "runs", where + NEWEST), values))

    def run(self, name: str) -> RunRow | None:
        """Return one run, by its name or the beginning of it; None if there is none.

        Raises:
            AmbiguousRun: the names of several runs begin so.
        """
        query = select(RunRow, "runs", "WHERE substr(run, 1, :length) = :beginning ORDER BY run LIMIT 2")
        found = as_values(RunRow, self.connection.rows(query, {"length": len(name), "beginning": name}))
        if len(found) > 1 and found[0].run != name:
            both = " and ".join(run.run for run in found)
            raise AmbiguousRun(f"several runs begin with {name}, such as {both}; write more of the name")
        return found[0] if found else None

    def hosts(self, run: str) -> list[HostRow]:
        """Return what a run found on each host, by name."""
        query = select(HostRow, "hosts", "WHERE run = :run ORDER BY host")
        return as_values(HostRow, self.connection.rows(query, {"run": run}))

    def changes(self, runs_: Sequence[str], host: str = "", most: int = ALL) -> list[ChangeRow]:
        """Return the resources of some runs that were not ``ok``, in the order of recording, at most ``most``."""
        names, values = among(runs_, "run")
        of_host = " AND host = :host" if host else ""
        query = select(ChangeRow, "changes", f"WHERE run IN {names}{of_host} ORDER BY number LIMIT :most")
        return as_values(ChangeRow, self.connection.rows(query, _given({**values, "host": host, "most": most})))

    def written(self, kinds: Sequence[str]) -> dict[str, str]:
        """Return the diff of the last change that was made of each resource of some kinds, by the resource's id."""
        where = "WHERE status = 'changed' AND substr(id, 1, :length) = :beginning ORDER BY number"
        query, found = select(ChangeRow, "changes", where), dict[str, str]()
        for beginning in (f"{kind}:" for kind in kinds):
            rows = self.connection.rows(query, {"length": len(beginning), "beginning": beginning})
            found |= {row.id: row.diff for row in as_values(ChangeRow, rows)}
        return found

    def written_on(self, kinds: Sequence[str]) -> dict[str, frozenset[str]]:
        """Return the ids of resources of some kinds that were changed on each host, by its name."""
        query, found = "SELECT DISTINCT host, id FROM changes WHERE status = 'changed'", dict[str, frozenset[str]]()
        for host, name in self.connection.rows(query):
            if name.partition(":")[0] in kinds:
                found[host] = found.get(host, frozenset()) | {name}
        return found

    def held(self, run: str) -> list[ChangeRow]:
        """Return what a run left alone since somebody holds it; ``error`` says who, why and until when."""
        query = select(ChangeRow, "changes", "WHERE run = :run AND status = 'held' ORDER BY number")
        return as_values(ChangeRow, self.connection.rows(query, {"run": run}))

    def open(self, host: str = "") -> list[FindingRow]:
        """Return the open findings, oldest first."""
        return self._findings("cleared IS NULL", host=host)

    def findings(self, since: datetime, host: str = "") -> list[FindingRow]:
        """Return the findings that were open at ``since`` or later, oldest first."""
        return self._findings("(cleared IS NULL OR cleared >= :since)", host=host, since=since)

    def _findings(self, condition: str, **values: Any) -> list[FindingRow]:
        where = f"WHERE {condition}{' AND host = :host' if values['host'] else ''}"
        query = select(FindingRow, "findings", f"{where} ORDER BY first_seen, number")
        return as_values(FindingRow, self.connection.rows(query, _given(values)))

    def expiries(self) -> list[ExpiryRow]:
        """Return the expiries, the next one first."""
        return as_values(ExpiryRow, self.connection.rows(select(ExpiryRow, "expiries", "ORDER BY expires")))

    def measurements(self) -> list[MeasurementRow]:
        """Return what earlier drift checks measured, oldest first."""
        query = select(MeasurementRow, "measurements", "ORDER BY taken, number")
        return as_values(MeasurementRow, self.connection.rows(query))

    def fleet(self, command: str = "drift") -> list[HostRow]:
        """Return the latest row of each host for one command, by name, without hosts that left the inventory."""
        found: dict[str, HostRow] = {}
        for run in self.runs(RECENT, command=command):
            seen = {row.host: row for row in self.hosts(run.run)}
            found = {**seen, **found}
            if run.whole:
                return [found[name] for name in sorted(seen)]
        return [found[name] for name in sorted(found)]


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that are not empty, which are those that the statement has."""
    return {name: value for name, value in values.items() if value != ""}
