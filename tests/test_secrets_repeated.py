"""A secret that a host repeats is struck out of every output, however the output spells it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from html import escape

import pytest
from nornir.core import Nornir
from nornir.core.inventory import Defaults, Groups, Host, Hosts, Inventory
from nornir.core.processor import Processors
from nornir.core.task import MultiResult, Result, Task

from moor.cli.commands.running import render_report
from moor.cli.options import Output
from moor.engine.findings import Finding
from moor.engine.plan import difference, printable
from moor.engine.results import Cause, FindingResult, ResourceResult
from moor.errors import HostError
from moor.output import text
from moor.output.matrix import matrix
from moor.run.report import Collector, HostReport, RunReport
from moor.secrets.secret import Secret

AWKWARD = "'\"$`\\&<>%+/=é€ \u00a0\u200b\x07#@:!{}*?~|;()[]^"
SHAPES = (text.plan, text.applied, text.drift, matrix, text.reached)


def repeated(secret: str) -> RunReport:
    """Return the report of a host that says the secret in all that it says."""
    host, told = Host("h"), f"it is {secret}\nor {secret!r}, twice"
    diff = difference({"content": f"{told}\n", "owner": secret}, {"content": "other\n", "owner": "root"})
    resource = ResourceResult(host, "file:/x", "failed", diff, told, [Cause("rule", told, told)])
    results = MultiResult("task")
    results += [Result(host, exception=HostError(told)), resource, FindingResult(host, Finding("key:x", told, told))]
    report = RunReport("run", "site", {"h": HostReport(reached=True)}, command="drift")
    nr = Nornir(Inventory(Hosts(), Groups(), Defaults()))
    task = Task(lambda task: Result(None), nr, global_dry_run=True, processors=Processors(), name="task")
    Collector(report).task_instance_completed(task, host, results)
    return report


def outputs(report: RunReport) -> Iterator[str]:
    yield from (render_report(report, output) for output in (Output.json, Output.junit, Output.metrics))
    yield from (printable(shape(report)) for shape in SHAPES)


@pytest.mark.parametrize("seed", random.SystemRandom().sample(range(1 << 32), 8), ids=lambda seed: "random")
def test_a_secret_that_a_host_repeats_is_in_no_output(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - it is no secret of anybody's
    begin, end = ("".join(chance.choices("abcdefghkmnpqrstuvwxyz", k=8)) for _ in range(2))
    secret = begin + "".join(chance.sample(AWKWARD, 12)) + end
    unknown = "\n".join(outputs(repeated(secret)))
    assert begin in unknown  # as long as moor does not know that it is one
    Secret(secret)
    shown = "\n".join(outputs(repeated(secret)))
    assert "***" in shown
    for part in (begin, end, json.dumps(secret)[1:-1], escape(secret)):
        assert part not in shown, f"seed {seed}"
