"""What diagnose does: looks from every node at each layer of a pull, or explains a message."""

from __future__ import annotations

import importlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from moor import text
from moor.commands.running import opened, play, put, remember, teller
from moor.options import DIFFERS, Options, Output
from moor.report import RunReport
from moor.selection import runbook_called


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
        book = runbook_called("diagnose")
        asking: Any = importlib.import_module("runbooks.diagnose")
        looking = asking.Looking(wanted.pull, wanted.namespaces, wanted.deployment, own_login=True)
        while True:
            nr.config.user_defined[asking.LOOKING] = looking
            nr.data.reset_failed_hosts()
            report = play(nr, book, options, "diagnose")
            remember(nr, report)
            put(options, report, text.matrix(report))
            if not wanted.watch_s or not report.failed:
                return verdict(report)
            teller(options)(f"looking again in {wanted.watch_s} s; Ctrl-C ends")
            time.sleep(wanted.watch_s)


def verdict(report: RunReport) -> int:
    """Give the exit code of a report of proofs."""
    if any(not host.reached and host.error for host in report.hosts.values()):
        return 1
    return DIFFERS if report.failed or report.differs else 0


def explain(message: str, output: Output) -> int:
    """Explain a message of kubelet, containerd or Docker: 0 a rule knows it, 1 none does."""
    rules: Sequence[Any] = importlib.import_module("runbooks.diagnose").RULES
    found = importlib.import_module("tasks.layers.explain").explained(message, rules)
    if output is Output.json:
        shown = [{"rule": r.id, "layer": r.layer, "cause": r.cause, "mend": r.mend, "source": r.source} for r in found]
        print(json.dumps({"schema": 1, "known": shown}, indent=2))
    elif found:
        print("\n".join(_explained(rule) for rule in found[:3]))
    else:
        print("no rule knows this message; moor diagnose looks at the nodes themselves")
    return 0 if found else 1


def _explained(rule: Any) -> str:
    cause, mend = (re.sub(r"\{(\w+)\}", lambda field: field[1].upper(), words) for words in (rule.cause, rule.mend))
    return f"{rule.layer}: {cause}\n    mend: {mend}\n    rule {rule.id}, known from: {rule.source}"
