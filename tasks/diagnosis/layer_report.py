"""The report of judged layers, as sub-results of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nornir.core.task import Result, Task

from moor.engine.results import Cause, ResourceResult, Status
from moor.errors import ErrorKind, HostError
from moor.tasks.diagnosis.rules.layers import LAYERS, LayerResult

STATUS: Mapping[str, Status] = {"ok": "ok", "fault": "failed", "unknown": "skipped"}


def report_layers(
    task: Task,
    results: Sequence[LayerResult],
    unreached: HostError | None = None,
    unknown: Mapping[str, str] | None = None,
) -> Result:
    """Add each layer to the task's results as a sub-result.

    Args:
        results: a layer that is no part of a pull, such as access, comes first
        unknown: why nothing is known of a layer

    Raises:
        HostError: a layer is at fault.
    """
    causes, why = [str(unreached)] if unreached else [], unknown or {}
    order = {layer.name: at for at, layer in enumerate(LAYERS)}
    every = [*results, *(LayerResult(layer, "unknown") for layer in why)]
    for result in sorted(every, key=lambda one: order.get(one.layer, -1)):
        if result.layer in why:
            task.results.append(ResourceResult(task.host, f"proof:{result.layer}", "skipped", "", why[result.layer]))
            continue
        status = STATUS[result.status]
        words = "\n".join(f"{v.cause}; {v.mend}" for v in result.verdicts)
        known = [Cause(verdict.rule, verdict.cause, verdict.mend) for verdict in result.verdicts]
        task.results.append(ResourceResult(task.host, f"proof:{result.layer}", status, "", words, known))
        causes += [f"{verdict.layer}: {verdict.cause}; {verdict.mend}" for verdict in result.verdicts]
    if causes:
        raise HostError("\n".join(causes), unreached.kind if unreached else ErrorKind.UNMET)
    return Result(host=task.host, result=f"{len(results)} layers looked at")
