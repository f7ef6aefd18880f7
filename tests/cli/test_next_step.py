"""``moor`` without words tells what to do next in a directory, and asks no host for it."""

from __future__ import annotations

import os
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from moor.cli import COMMANDS, main
from moor.cli.commands.next_step import Known, advise, without_site
from moor.history.model import ExpiryRow, FindingRow, RunRow
from moor.history.recording import record
from moor.settings import SiteSettings
from tests.harness.sites import write_site
from tests.history.reports import a_run

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


def ran(command: str, hours_ago: float, **more: Any) -> RunRow:
    return RunRow(f"run-{command}", command, "site", NOW - timedelta(hours=hours_ago), 1.0, 3, 0, 0, **more)


def finding(identity: str, host: str, state: Any = "drift") -> FindingRow:
    return FindingRow(host, identity, state, "", "", "", NOW - timedelta(days=3), NOW)


def advice(*runs: RunRow, **more: Any) -> str:
    return "\n".join(advise(Known(3, runs=runs, now=NOW, **more)))


def commands(text: str) -> list[str]:
    return re.findall(r"^  (moor .*?)(?:  .*)?$", text, re.MULTILINE)


WELL = (ran("drift", 1), ran("verify", 2), ran("apply", 3))


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (advice(), ["moor check", "moor plan", "moor apply"]),
        (advice(ran("drift", 1)), ["moor check", "moor plan", "moor apply"]),
        (advice(*WELL), ["moor verify", "moor drift"]),
        (advice(ran("drift", 1), ran("apply", 3)), ["moor verify"]),
        (advice(ran("drift", 1), ran("apply (interrupted)", 3)), ["moor apply"]),
        (
            advice(ran("drift", 1), ran("apply", 3, counts={"failed": 1})),
            ["moor history run-apply", "moor plan --limit @failed"],
        ),
        (advice(*WELL, edited=NOW), ["moor plan"]),
        (advice(ran("drift", 99), *WELL[1:]), ["moor schedule install --every 1h"]),
        (advice(*WELL, findings=[finding("file:/a", "node1")]), ["moor drift", "moor apply"]),
        (advice(*WELL, findings=[finding("proof:name", "node1", "failed")]), ["moor drift"]),
    ],
)
def test_what_is_due_comes_first_and_nothing_else_is_said(told: str, wanted: list[str]) -> None:
    assert commands(told) == wanted
    assert all(shlex.split(command)[1] in COMMANDS for command in wanted)


def test_open_findings_are_named_with_their_hosts_folded() -> None:
    many = [finding("file:/etc/hosts", f"node{number}") for number in range(1, 41)]
    told = advice(*WELL, findings=[*many, *(finding(f"file:/{number}", "a") for number in range(7))])
    assert "47 findings open, since 2026-01-07:" in told
    assert "    ! file:/etc/hosts  [node[1-40]]\n" in told
    assert "    and 3 more\n" in told


@pytest.mark.parametrize(
    ("days", "words"), [(10, "ends in 10 days"), (1, "ends in 1 day"), (-1, "has ended"), (40, "")]
)
def test_a_certificate_that_ends_soon_is_told(days: int, words: str) -> None:
    ending = ExpiryRow("certificate:served", "", "the certificate", "", NOW + timedelta(days=days, hours=1))
    told = advice(*WELL, expiries=[ending])
    assert ("moor cert show" in told) == bool(words)
    assert words in told


def test_without_a_site_init_is_named_and_a_site_nearby(tmp_path: Path) -> None:
    (tmp_path / "fleet").mkdir()
    (tmp_path / "fleet/config.yaml").touch()
    told = "\n".join(without_site(tmp_path))
    assert commands(told)[0] == "moor init"
    assert f"cd {tmp_path / 'fleet'}" in told


def typed(directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(directory)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_a_directory_on_its_way_from_nothing_to_drift(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "moor init" in typed(tmp_path, capsys, monkeypatch)
    write_site(tmp_path, {"inventory/hosts.yaml": {"node1": {"hostname": "192.0.2.1"}, "node2": {"hostnam": "x"}}})
    told = typed(tmp_path, capsys, monkeypatch)
    assert "inventory/hosts.yaml:" in told
    assert "did you mean hostname?" in told
    write_site(tmp_path, {"inventory/hosts.yaml": {"node1": {"hostname": "192.0.2.1"}}})
    told = typed(tmp_path, capsys, monkeypatch)
    assert told.startswith(f"Site {tmp_path.name}, 1 host.\n")
    assert commands(told) == ["moor check", "moor plan", "moor apply"]
    settings = SiteSettings.at(tmp_path)
    for words in (["history"], ["device", "history"], ["report"]):
        with pytest.raises(SystemExit) as ended:
            main([*words, "--site", str(tmp_path)])
        assert ended.value.code == 1
        assert "no run is recorded yet; moor drift records the first" in capsys.readouterr().err
    assert not settings.state.exists()  # who only reads leaves nothing
    settings.state.mkdir()
    (settings.state / "history.db").touch()  # as readers left it once
    assert typed(tmp_path, capsys, monkeypatch) == told
    for path in tmp_path.rglob("*.yaml"):
        os.utime(path, (0, 0))
    for number, command in enumerate(("apply", "verify", "drift")):
        report = a_run({"node1": {"file:/a": "drift" if command == "drift" else "ok"}})
        report.run, report.command, report.started = f"run{number}", command, datetime.now(UTC).isoformat()
        assert record(settings, report, frozenset({"node1"})).trouble == ""
    told = typed(tmp_path, capsys, monkeypatch)
    assert commands(told) == ["moor drift", "moor apply"]
    assert "! file:/a  [node1]" in told
