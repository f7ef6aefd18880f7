"""The last verify as the page shows it: hosts by proofs, equal rows of many hosts once, then causes with remedies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from moor.engine.results import Cause
from moor.history.model import ChangeRow, HostRow
from moor.history.reading import History
from moor.output.matrix import Note, cells, notes
from moor.output.pages.words import folded, natural
from moor.run.report import HostReport, ResourceReport, RunReport

VERIFY = "verify"
FEW = 20  # so many hosts have a row each
STATES = {"ok": "ok", "FAULT": "failed", "?": "unexamined", "-": "unasked"}


@dataclass(frozen=True)
class ProofRow:
    """A row of the table: hosts with the same cells."""

    hosts: tuple[str, ...]
    cells: Sequence[str]

    @property
    def where(self) -> str:
        """Return the hosts as people read them."""
        return folded(self.hosts)

    @property
    def state(self) -> str:
        """Return the worst state of its cells."""
        return "failed" if "FAULT" in self.cells else "unexamined" if "?" in self.cells else "ok"


@dataclass(frozen=True)
class ProofTable:
    """What the last verify proved of each host.

    Attributes:
        run, started: of the newest verify that is in it
        hosts: how many it asked
        whole: how many of them have neither a fault nor a proof that is missing
    """

    run: str
    started: datetime
    columns: Sequence[str]
    rows: Sequence[ProofRow]
    notes: Sequence[Note]
    hosts: int
    whole: int


def last_proofs(history: History) -> ProofTable | None:
    """Return the last verify of each host; None if none is recorded, or only by an older moor."""
    rows = [row for row in history.fleet(VERIFY) if row.proofs or row.error]
    newest = next(iter(history.runs(1, command=VERIFY)), None)
    if newest is None or not any(row.proofs for row in rows):
        return None
    report = report_of(rows, history.changes(sorted({row.run for row in rows})))
    columns, found = cells(report)
    whole = sum(not {"FAULT", "?"} & set(row) for row in found.values())
    return ProofTable(newest.run, newest.started, columns, _rows(found), notes(report), len(found), whole)


def report_of(rows: Iterable[HostRow], changes: Iterable[ChangeRow]) -> RunReport:
    """Return the report of a verify, as far as history has it."""
    said = {(change.run, change.host, change.id): change for change in changes}
    hosts = {}
    for row in rows:
        resources = [_resource(name, status, said.get((row.run, row.host, name))) for name, status in _proofs(row)]
        hosts[row.host] = HostReport(row.reached, row.error, resources)
    return RunReport("", VERIFY, hosts, command=VERIFY)


def _proofs(row: HostRow) -> Iterable[tuple[str, str]]:
    return (row.proofs or {}).items()


def _resource(name: str, status: str, change: ChangeRow | None) -> ResourceReport:
    made = ResourceReport(name, status)  # type: ignore[arg-type]  # history keeps it as text
    if change:
        made.error = change.error
        made.causes = [Cause(**cause) for cause in change.causes or ()]
    return made


def _rows(found: Mapping[str, Sequence[str]]) -> list[ProofRow]:
    """Return a row a host; with many hosts, equal ones are one row, and those with faults come first."""
    names = sorted(found, key=natural)
    if len(names) <= FEW:
        return [ProofRow((name,), found[name]) for name in names]
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        alike.setdefault(tuple(found[name]), []).append(name)
    rows = [ProofRow(tuple(hosts), row) for row, hosts in alike.items()]
    return sorted(rows, key=lambda row: ("failed", "unexamined", "ok").index(row.state))
