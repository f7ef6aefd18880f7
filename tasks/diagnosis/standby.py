"""The proof that the standby of the registry could take over."""

from __future__ import annotations

from nornir.core.task import Result, Task

from moor.tasks.diagnosis.layer_report import report_layers
from moor.tasks.diagnosis.rules.layers import LayerResult
from moor.tasks.diagnosis.rules.rule import Verdict
from moor.tasks.registry.replication.watch import standby_findings

LAYER = "standby"


def prove_standby(task: Task) -> Result:
    """Prove that the standby holds what the registry holds, and that copies succeed.

    Raises:
        HostError: it lacks something, or a copy failed.
    """
    verdicts = tuple(Verdict(LAYER, one.id, one.what, one.remedy) for one in standby_findings(task))
    return report_layers(task, [LayerResult(LAYER, "fault" if verdicts else "ok", verdicts)])
