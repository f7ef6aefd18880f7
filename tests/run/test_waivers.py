"""Somebody answers for a finding until a day, and no longer."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from moor.engine.findings import Finding
from moor.errors import InputError
from moor.run.report import RunReport, open_findings, unwaived_findings
from moor.run.waivers import Waiver, apply_waivers, read_waivers
from tests.history.reports import a_run

TODAY = date(2026, 11, 24)
ALL = [("node1", "file:/a"), ("node2", "file:/a"), ("node1", "host:examined"), ("", "node:node9")]


def waiver(host: str, name: str, until: date = TODAY) -> Waiver:
    return Waiver(host=host, id=name, reason="known", owner="network", until=until)


def open_after(report: RunReport, *waivers: Waiver) -> list[tuple[str, str]]:
    apply_waivers(report, waivers, TODAY)
    return [(finding.host, finding.id) for finding in unwaived_findings(report)]


@pytest.mark.parametrize(
    ("given", "still"),
    [
        (waiver("node1", "file:/a"), [("node2", "file:/a"), ("node1", "host:examined"), ("", "node:node9")]),
        (waiver("node*", "file:*"), [("node1", "host:examined"), ("", "node:node9")]),
        (waiver("", "node:node9"), [("node1", "file:/a"), ("node2", "file:/a"), ("node1", "host:examined")]),
        (waiver("", "file:/a"), ALL),
    ],
)  # fmt: skip
def test_a_waiver_covers_what_it_names_and_nothing_else(given: Waiver, still: list[tuple[str, str]]) -> None:
    report = a_run(
        {"node1": {"file:/a": "drift"}, "node2": {"file:/a": "failed", "file:/b": "ok"}},
        unexamined=("node1",),
        findings=(Finding("node:node9", "it joined"),),
    )
    assert sorted(open_after(report, given)) == sorted(still)


def test_a_waived_finding_says_why_who_and_until_when() -> None:
    report = a_run({"node1": {"file:/a": "drift"}})
    apply_waivers(report, [waiver("node1", "file:/a")], TODAY)
    assert [finding.waived for finding in open_findings(report)] == ["known (network, until 2026-11-24)"]


def test_the_day_after_its_last_a_waiver_covers_nothing_and_is_drift_itself() -> None:
    report = a_run({"node1": {"file:/a": "drift"}})
    ended = waiver("node1", "file:/a", date(2026, 11, 23))
    assert open_after(report, ended) == [("node1", "file:/a"), ("", "waiver:node1/file:/a")]
    assert open_after(a_run({"node1": {"file:/a": "ok"}}), ended) == [("", "waiver:node1/file:/a")]


def test_everything_wrong_in_the_file_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "inventory" / "waivers.yaml"
    path.parent.mkdir()
    path.write_text(
        "- {host: node1, id: 'file:/a', reason: r, owner: o}\n"
        "- {host: node1, id: '*', reason: r, owner: o, until: 2027-01-01}\n"
        "- {host: node1, id: x, reason: '', owner: o, until: soon, who: me}\n"
    )
    with pytest.raises(InputError) as caught:
        read_waivers(path, tmp_path)
    lines = str(caught.value).splitlines()
    assert [line.partition(": ")[0] for line in lines] == [f"inventory/waivers.yaml:{n}" for n in (1, 2, 3, 3, 3)]
    assert "until" in lines[0]
    assert "cannot be waived" in lines[1]


def test_a_file_that_is_no_list_is_told(tmp_path: Path) -> None:
    path = tmp_path / "waivers.yaml"
    path.write_text("node1: file:/a\n")
    with pytest.raises(InputError, match=r"waivers\.yaml:1: must be a list"):
        read_waivers(path, tmp_path)


def test_the_shipped_file_waives_nothing() -> None:
    site = Path(__file__).parents[1]
    assert read_waivers(site / "inventory/waivers.yaml", site) == []
