"""What diagnose does: looks from every node at each layer of a pull, or explains a message."""

from __future__ import annotations

import importlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moor.commands.running import book_of, opened, play, put, remember, teller
from moor.errors import MoorError
from moor.interruption import way_out
from moor.matrix import matrix
from moor.options import DIFFERS, Options, Output
from moor.report import HostReport, RunReport
from moor.selection import FLEET
from moor.sites import CONFIG, open_site, read_config


@dataclass(frozen=True)
class Wanted:
    """What the words of the command line ask for.

    namespaces  the inventory's own where it is empty; ``*`` is all
    deployment  all of them where it is empty
    watch_s     how long to wait until the next look; 0 looks once
    """

    namespaces: tuple[str, ...] = ()
    deployment: str = ""
    pull: bool = False
    watch_s: int = 0


def diagnose(options: Options, wanted: Wanted) -> int:
    """Diagnose the fleet: 0 healthy, 2 a fault, 1 a node was not examined."""
    with opened(options, dry_run=True) as nr:
        book = book_of(nr, "diagnose")
        asking: Any = importlib.import_module("runbooks.diagnose")
        if wanted.deployment:
            asking.refuse_unknown(nr.config.user_defined[FLEET].hosts.values(), wanted.namespaces, wanted.deployment)
        looking = asking.Looking(wanted.pull, wanted.namespaces, wanted.deployment, own_login=True)
        while True:
            nr.config.user_defined[asking.LOOKING] = looking
            nr.data.reset_failed_hosts()
            report = play(nr, book, options, "diagnose")
            remember(nr, report)
            put(options, report, matrix(report))
            if not wanted.watch_s or not report.failed:
                return verdict(report)
            teller(options)(f"looking again in {wanted.watch_s} s; {way_out()}")
            time.sleep(wanted.watch_s)


def verdict(report: RunReport) -> int:
    """Give the exit code of a report of proofs."""
    if any(not host.reached and host.error for host in report.hosts.values()):
        return 1
    if report.failed or report.differs:
        return DIFFERS
    return 1 if any(unproved(host) for host in report.hosts.values()) else 0


def unproved(host: HostReport) -> bool:
    """Check whether a proof is lacking. Who may not read nodes has what the pods on them prove."""
    return any(one.status == "skipped" and one.error and one.id != "proof:node" for one in host.resources)


def explain(message: str, site: Path | None, output: Output) -> int:
    """Explain a message of kubelet or of what pulls: 0 it is known, 1 it is not."""
    asking: Any = importlib.import_module("runbooks.diagnose")
    ours = _ours(asking, site)
    known = asking.explained(message, ours)
    told = known or [asking.unknown(message, ours)]
    if output is Output.json:
        shown = [
            {"rule": k.rule, "layer": k.layer, "cause": k.cause, "mend": k.mend, "source": k.source} for k in known
        ]
        found = {} if known else {"understood": told[0].cause}
        print(json.dumps({"schema": 1, "known": shown, **found}, indent=2))
    else:
        print("\n".join(map(_explained, told)))
    return 0 if known else 1


def _ours(asking: Any, site: Path | None) -> Any:
    """Return which registry is the inventory's; nobody is asked, so that an inventory in files alone is read."""
    directory = site or (Path.cwd() if (Path.cwd() / CONFIG).is_file() else None)
    try:
        if directory is None or read_config(directory.expanduser().absolute()).inventory.plugin != "FleetInventory":
            return None
        return asking.ours_of(open_site(directory, dry_run=True).inventory.hosts.values())
    except MoorError:
        return None


def _explained(known: Any) -> str:
    if not known.rule:
        return f"{known.cause}\n    {known.mend}"
    by = f", known from: {known.source}" if known.source else ""
    return f"{known.layer}: {known.cause}\n    mend: {known.mend}\n    rule {known.rule}{by}"
