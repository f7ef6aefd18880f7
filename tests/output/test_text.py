"""The text output of commands."""

import json
from dataclasses import replace
from pathlib import Path

from nornir.core.task import Result, Task

from moor.cli.commands.diagnose import proof_exit_code
from moor.engine.converge import converge
from moor.engine.findings import Finding
from moor.engine.results import Cause, Status
from moor.output import text
from moor.output.matrix import matrix
from moor.resources.file import File
from moor.run.report import Collector, HostReport, ResourceReport, RunReport
from tests.harness.hosts import MakeFleet
from tests.harness.shells import me

ROOT = Path(__file__).parent

MISSING = Cause("name-missing", "registry.test does not resolve", "moor apply names --limit {}")


def proved(host: str, **statuses: Status) -> HostReport:
    """Return a host with these proofs; the failed ones lack the registry's name."""
    cause = replace(MISSING, mend=MISSING.mend.format(host))
    resources = [
        ResourceReport(f"proof:{name}", status, causes=[cause] if status == "failed" else [])
        for name, status in statuses.items()
    ]
    return HostReport(reached=True, error="name" if "failed" in statuses.values() else "", resources=resources)


def unknown(*proofs: str) -> HostReport:
    """Return a host whose tls is well and of whose further proofs nothing is known."""
    words = "the cluster says 403: no"
    more = [ResourceReport(f"proof:{name}", "skipped", error=words) for name in proofs]
    return HostReport(reached=True, resources=[ResourceReport("proof:tls", "ok"), *more])


def test_a_reason_why_proofs_are_unknown_is_shown_once_with_hosts_and_proofs() -> None:
    report = RunReport("run", "verify", {"node1": unknown("node", "pod"), "node2": unknown("pod")})
    shown = matrix(report)
    assert "  ? node1 node2: node, pod: not examined: the cluster says 403: no" in shown.splitlines()
    assert "FAULT" not in shown
    assert proof_exit_code(report) == 1


def test_running_pods_count_where_nodes_may_not_be_read() -> None:
    assert proof_exit_code(RunReport("run", "verify", {"node1": unknown("node")})) == 0
    faulty = {"node1": proved("node1", name="failed"), "node2": unknown("pod")}
    assert proof_exit_code(RunReport("run", "verify", faulty)) == 2


def test_proofs_behind_a_fault_are_unknown_and_others_that_do_not_apply_a_dash() -> None:
    hosts = {"node1": proved("node1", name="failed", route="skipped", pod="ok"), "node2": proved("node2", name="ok")}
    heading, first, second, *_ = matrix(RunReport("run", "verify", hosts)).splitlines()
    assert heading.split() == ["host", "name", "route", "pod"]
    assert first.split() == ["node1", "FAULT", "?", "ok"]
    assert second.split() == ["node2", "ok", "-", "-"]


def test_a_cause_of_two_hosts_is_shown_once_and_its_remedy_names_both() -> None:
    hosts = {name: proved(name, name="failed") for name in ("node1", "node10")}
    shown = matrix(RunReport("run", "verify", hosts))
    assert "  ! node1 node10: name: registry.test does not resolve\n" in shown
    assert "mend: moor apply names --limit node1,node10" in shown
    assert shown.count("does not resolve") == 1


def test_an_error_without_a_known_cause_is_shown_unchanged() -> None:
    host = HostReport(reached=True, error="proof:own: it rains", resources=[ResourceReport("proof:own", "failed")])
    assert "! node1: proof:own: it rains" in matrix(RunReport("run", "verify", {"node1": host}))


def test_a_node_that_was_not_reached_is_shown_with_the_reason() -> None:
    shown = matrix(RunReport("run", "verify", {"node1": HostReport(error="10.0.0.1:22: timed out")}))
    assert "! node1: not examined: 10.0.0.1:22: timed out" in shown


def test_a_plan_and_an_apply_show_findings_that_moor_may_not_change() -> None:
    found = Finding("record:registry.test/A", "says 10.0.0.9", "ask its owner")
    report = RunReport("run", "names", {"node1": HostReport(reached=True)}, findings=[found])
    for shown in (text.plan(report), text.applied(report)):
        assert "  ! record:registry.test/A\n      says 10.0.0.9\n      mend: ask its owner\n" in shown
    assert not report.differs


def test_a_name_with_newlines_or_invalid_utf_8_is_shown_escaped(fleet: MakeFleet) -> None:
    def write(task: Task) -> Result:
        return converge(task, [File(f"{task.host['folder']}/caf\udce9\n~ forged", "x", owner=me(ROOT))])

    report = RunReport("run", "site", {})
    fleet().filter(name="alpha").with_processors([Collector(report)]).run(task=write)
    assert "/caf\\xe9\\n~ forged  [alpha]\n" in text.applied(report)
    json.dumps(report.json()).encode()


def test_every_column_of_the_table_of_reached_hosts_has_a_name() -> None:
    report = RunReport("run", "check", {"node1": HostReport(reached=True), "node2": HostReport(error="refused")})
    heading, first, second = text.reached(report).splitlines()
    assert heading.split() == ["host", "state", "why", "not"]
    assert first.split() == ["node1", "reached"]
    assert second.split() == ["node2", "not", "reached", "refused"]


def test_an_interrupted_run_lists_undone_work_with_equal_hosts_on_one_line() -> None:
    hosts = {name: HostReport(reached=True) for name in ("a", "b", "c", "d")}
    hosts["d"].error = "10.0.0.4:22: timed out"
    left = [
        text.Unfinished("a", "", ()),
        text.Unfinished("b", "serve", ("watch",)),
        *(text.Unfinished(name, "", ("serve", "watch")) for name in ("c", "d")),
    ]
    assert text.interrupted(RunReport("run", "site", hosts), left).splitlines() == [
        "  ! d: 10.0.0.4:22: timed out",
        "interrupted: 0 changed, 0 failed before that",
        "  a: done",
        "  b: under way: serve; not begun: watch",
        "  c: not begun: serve, watch",
        "what is under way on a host ends there by itself; run the same command again to go on",
    ]
