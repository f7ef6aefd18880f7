"""A verify runbook that judges recorded evidence of nodes with the hosts' names."""

from nornir.core.filter import F
from nornir.core.task import Result, Task

from moor.engine.asking import shell_of
from moor.run.runbook import Runbook, Stage
from moor.tasks.diagnosis.layer_report import report_layers
from moor.tasks.diagnosis.rules import RULES, layers
from tests.tasks.diagnosis.samples import FAULTS, HEALTHY

FAULTY = {"beta": ("name", "name-missing"), "gamma": ("name", "name-missing")}


def prove_host(task: Task) -> Result:
    """Reach the host, and judge the recorded evidence of the node with its name."""
    shell_of(task).run(":")
    layer, rule = FAULTY.get(task.host.name, ("", ""))
    evidence = {**HEALTHY, **({layer: {**HEALTHY[layer], **FAULTS[rule], "host": task.host.name}} if layer else {})}
    return report_layers(task, layers.judge(evidence, RULES))


RUNBOOK = Runbook("verify", "Proof from every host.", (Stage(prove_host, on=F()),), proves=True)
