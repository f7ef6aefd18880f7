"""The actions of diagnose: examine each layer of a pull on every node, or explain a message."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from pathlib import Path

from nornir.core.inventory import Host

from moor.cli.commands.running import open_fleet, print_report, progress_printer, remember, run_and_report, runbook_of
from moor.cli.options import DIFFERS, Options, Output
from moor.context import DiagnosisScope, fleet_of
from moor.errors import MoorError
from moor.output.matrix import matrix
from moor.run.interruption import stop_instruction
from moor.run.protocols.diagnosing import MessageExplanation, diagnosis_of
from moor.run.report import HostReport, RunReport
from moor.run.selection import find_runbook
from moor.settings.config import CONFIG, read_config
from moor.settings.modules import SHIPPED
from moor.sites.site import open_site


def diagnose(options: Options, scope: DiagnosisScope, watch_s: int = 0) -> int:
    """Diagnose the fleet: 0 healthy, 2 a fault, 1 a node was not examined.

    Args:
        options: the shared options.
        scope: what to examine.
        watch_s: seconds between examinations; 0 examines once.
    """
    with open_fleet(options, dry_run=True) as nr:
        book = runbook_of(nr, "diagnose")
        diagnosis_of(book).look_at(nr, fleet_of(nr).hosts.values(), scope)
        while True:
            nr.data.reset_failed_hosts()
            report = run_and_report(nr, book, options, "diagnose")
            remember(nr, report)
            print_report(options, report, matrix(report))
            if not watch_s or not report.failed:
                return proof_exit_code(report)
            progress_printer(options)(f"looking again in {watch_s} s; {stop_instruction()}")
            time.sleep(watch_s)


def proof_exit_code(report: RunReport) -> int:
    """Return the exit code of a report of proofs."""
    if any(not host.reached and host.error for host in report.hosts.values()):
        return 1
    if report.failed or report.differs:
        return DIFFERS
    return 1 if any(has_gap(host) for host in report.hosts.values()) else 0


def has_gap(host: HostReport) -> bool:
    """Return whether a proof could not be made; the proof ``node`` may be missing, since the pods prove it too."""
    return any(one.status == "skipped" and one.error and one.id != "proof:node" for one in host.resources)


def explain(message: str, site: Path | None, output: Output) -> int:
    """Explain a message of kubelet or a runtime: 0 if it is known, else 1."""
    directory = site or (Path.cwd() if (Path.cwd() / CONFIG).is_file() else None)
    diagnosis = diagnosis_of(find_runbook(directory or SHIPPED, "diagnose"))
    explanations = diagnosis.explained(message, _hosts(directory) if directory else ())
    known = [explanation for explanation in explanations if explanation.rule]
    if output is Output.json:
        shown = [
            {"rule": k.rule, "layer": k.layer, "cause": k.cause, "mend": k.mend, "source": k.source} for k in known
        ]
        found = {} if known else {"understood": explanations[0].cause}
        print(json.dumps({"schema": 1, "known": shown, **found}, indent=2))
    else:
        print("\n".join(map(_explained, explanations)))
    return 0 if known else 1


def _hosts(directory: Path) -> Collection[Host]:
    """Return the hosts of an inventory of files; none of any other, since that would need a connection."""
    try:
        if read_config(directory.expanduser().absolute()).inventory.plugin != "FleetInventory":
            return ()
        return open_site(directory, dry_run=True).inventory.hosts.values()
    except MoorError:
        return ()


def _explained(known: MessageExplanation) -> str:
    if not known.rule:
        return f"{known.cause}\n    {known.mend}"
    by = f", known from: {known.source}" if known.source else ""
    return f"{known.layer}: {known.cause}\n    mend: {known.mend}\n    rule {known.rule}{by}"
