"""Reports for programs: metrics, JUnit, JSON by its published schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml
from nornir.core import Nornir
from nornir.core.inventory import Defaults, Groups, Host, Hosts, Inventory
from nornir.core.task import Result, Task
from nornir.plugins.runners import SerialRunner
from prometheus_client.parser import text_string_to_metric_families

from moor.engine.findings import Expiry, Finding
from moor.engine.measurements import Counted, Filling
from moor.engine.plan import printable
from moor.engine.results import ResourceResult
from moor.errors import ErrorKind, HostError
from moor.output import text
from moor.output.announce import announce
from moor.output.junit import junit
from moor.output.metrics import metrics
from moor.output.schema import SCHEMA_FILE, report_schema
from moor.run.report import Collector, RunReport
from moor.settings import SiteSettings
from tests.history.reports import a_run

ROOT = Path(__file__).parents[2]
FULL = Filling(
    id="disk:/data", what="/data", value=70, size=100, host="node1", percent=90, within_days=14, days_left=9.5
)
STARTS = Counted(id="restarts:core", what="core", value=3, host="node1", checks=3, hours=24)
ENDS = Expiry("certificate:ca", "2030-01-01T00:00:00+00:00", "the CA")


@pytest.fixture
def report() -> RunReport:
    made = a_run(
        {"node1": {"file:/a": "drift", "file:/b": "ok"}, "node2": {"file:/a": "failed", "file:/b": "skipped"}},
        unexamined=("node3",),
        findings=(Finding("node:node9", "it joined", "moor onboard node9"),),
        expiries=(ENDS,),
    )
    made.hosts["node2"].resources[0].waived = "known"
    made.duration_s = 2.5
    made.measured = [FULL, STARTS]
    return made


def test_metrics_have_open_findings_by_host_and_the_time_of_the_run(report: RunReport) -> None:
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics(report).decode())
        for sample in family.samples
    }
    assert samples["moor_findings", "node1", "file", "drift", "no"] == 1
    assert samples["moor_findings", "node2", "file", "failed", "yes"] == 1
    assert samples["moor_findings", "", "node", "finding", "no"] == 1
    assert (samples["moor_host_examined", "node1"], samples["moor_host_examined", "node3"]) == (1, 0)
    assert samples[("moor_last_run_complete",)] == 0
    assert samples["moor_expiry_timestamp_seconds", "", "certificate:ca"] == 1893456000
    assert samples[("moor_last_run_duration_seconds",)] == 2.5
    assert samples["moor_measured", "node1", "disk:/data"] == 70
    assert samples["moor_measured_size", "node1", "disk:/data"] == 100
    assert samples["moor_measured_days_left", "node1", "disk:/data"] == 9.5
    assert samples["moor_measured", "node1", "restarts:core"] == 3


def test_every_output_has_what_was_mended_and_what_could_not_be(report: RunReport) -> None:
    report.mended = a_run({"node1": {"file:/a": "changed"}, "node2": {"service:b": "failed", "file:/c": "skipped"}})
    told = json.loads(report.json())
    jsonschema.validate(told, report_schema())
    assert told["mended"]["hosts"]["node2"]["resources"][0]["status"] == "failed"
    suites = {suite.name: suite for suite in JUnitXml.fromstring(junit(report).encode())}
    assert (suites["node1 (mending)"].failures, suites["node2 (mending)"].failures) == (0, 1)
    lines = metrics(report).decode().splitlines()
    assert 'moor_mended{host="node1",kind="file",status="changed"} 1.0' in lines
    assert 'moor_mended{host="node2",kind="service",status="failed"} 1.0' in lines
    assert "mended:\n  ~ file:/a  [node1]" in text.drift(report)


def test_the_metrics_page_lists_every_metric() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    report = a_run({"node1": {"file:/a": "drift"}}, expiries=(ENDS,))
    report.measured = [FULL]
    report.mended = a_run({"node1": {"file:/a": "changed"}})
    names = {family.name for family in text_string_to_metric_families(metrics(report).decode())}
    assert {name for name in names if f"| `{name}` |" not in page} == set()


def test_the_metrics_file_is_complete_and_readable_by_all_users(tmp_path: Path, report: RunReport) -> None:
    path = tmp_path / "moor.prom"
    settings = SiteSettings.at(tmp_path, state=tmp_path, metrics=path)
    for _ in range(2):
        announce(settings, report, None)
        assert path.read_bytes() == metrics(report)
    assert path.stat().st_mode & 0o777 == 0o644
    assert [found.name for found in tmp_path.iterdir()] == ["moor.prom"]


def test_a_missing_directory_for_metrics_is_an_error(tmp_path: Path, report: RunReport) -> None:
    settings = SiteSettings.at(tmp_path, state=tmp_path, metrics=tmp_path / "no" / "moor.prom")
    with pytest.raises(HostError, match=r"user_defined\.moor\.metrics: .*/no is no directory"):
        announce(settings, report, None)


def test_junit_has_a_suite_for_each_host_and_a_case_for_each_resource(report: RunReport) -> None:
    suites = {suite.name: suite for suite in JUnitXml.fromstring(junit(report).encode())}
    assert list(suites) == ["node1", "node2", "node3", "fleet"]
    assert (suites["node1"].tests, suites["node1"].failures) == (3, 1)
    assert (suites["node2"].failures, suites["node2"].skipped) == (0, 2)
    assert suites["node3"].errors == 1
    assert suites["fleet"].failures == 1


@given(st.text(max_size=200))
def test_junit_is_valid_xml_whatever_a_host_prints(text: str) -> None:
    report = a_run({"node1": {"file:/a": "drift"}})
    report.hosts["node1"].resources[0].diff = text
    JUnitXml.fromstring(junit(report).encode("utf-8"))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_json_is_ascii_whatever_a_host_prints(text: str) -> None:
    report = a_run({"node1": {"file:/a": "drift"}})
    report.hosts["node1"].resources[0].diff = text
    assert json.loads(report.json())["hosts"]["node1"]["resources"][0]["diff"] == text
    assert report.json().isascii()
    assert printable(report.json()) == report.json()


def test_the_published_schema_matches_the_code() -> None:
    assert json.loads((ROOT / SCHEMA_FILE).read_text()) == report_schema()


def test_a_report_is_valid_by_its_schema(report: RunReport) -> None:
    jsonschema.validate(json.loads(report.json()), report_schema())
    broken = json.loads(report.json())
    broken["hosts"]["node1"]["resources"][0]["status"] = "perhaps"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, report_schema())


def failed_run() -> RunReport:
    """Return a run over four hosts, of which three fail, each for another reason."""

    def task(task: Task) -> Result:
        errors = {"node1": HostError("no route", ErrorKind.UNREACHABLE), "node2": ValueError("a bug")}
        if task.host.name == "node3":
            task.results.append(ResourceResult(task.host, "file:/a", "failed", "", "full", kind=ErrorKind.SPACE))
            raise HostError("full", ErrorKind.SPACE)
        if task.host.name in errors:
            raise errors[task.host.name]
        return Result(host=task.host)

    hosts = Hosts({name: Host(name) for name in ("node1", "node2", "node3", "node4")})
    report = RunReport("run-1", "site", {}, command="drift")
    nr = Nornir(Inventory(hosts, Groups(), Defaults()), runner=SerialRunner())
    nr.with_processors([Collector(report)]).run(task)
    return report


def test_every_output_has_the_kind_of_an_error() -> None:
    report = failed_run()
    told = json.loads(report.json())
    jsonschema.validate(told, report_schema())
    hosts = told["hosts"]
    assert [hosts[name]["error_kind"] for name in sorted(hosts)] == ["unreachable", "internal", "space", None]
    assert [hosts[name]["unexamined_kinds"] for name in sorted(hosts)] == [["unreachable"], ["internal"], [], []]
    assert hosts["node3"]["resources"][0]["error_kind"] == "space"
    suites = JUnitXml.fromstring(junit(report).encode())
    kinds = {(suite.name, case.name): [one.type for one in case.result] for suite in suites for case in suite}
    assert kinds["node1", "examined"] == ["unreachable"]
    assert kinds["node3", "file:/a"] == ["space"]
    lines = metrics(report).decode()
    for kind in ErrorKind:
        number = float(kind in ("unreachable", "internal", "space"))
        assert f'moor_hosts_failed{{error_kind="{kind}"}} {number}' in lines


def test_the_output_page_lists_every_kind_of_error() -> None:
    page = (ROOT / "docs/output.md").read_text()
    assert {kind for kind in ErrorKind if f"\n| `{kind}` | " not in page} == set()
