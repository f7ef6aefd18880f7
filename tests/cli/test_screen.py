"""What long work tells on standard error, and that nothing that is copied is painted."""

from __future__ import annotations

import sys
import threading
from io import StringIO

import pytest

from moor.cli.commands import screen
from moor.cli.commands.running import print_report, print_safely, print_source
from moor.cli.commands.screen import CLEAR, Screen, asking, working
from moor.cli.options import Options, Output
from moor.run.report import HostReport, ResourceReport, RunReport
from tests.harness.terminal import terminal
from tests.harness.waiting import until

YAML = "robots:\n  - name: puller\n  ! not a finding\nplan: 1 change"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(screen, "LONG_S", 0.0)
    monkeypatch.setattr(screen, "TICK_S", 0.01)


def test_what_takes_long_says_how_long_and_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(60) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with working("read 3 hosts"):
            until(lambda: "read 3 hosts: 0 s so far" in stream.getvalue(), "it is told")
        assert stream.getvalue().endswith(CLEAR)


@pytest.mark.parametrize(("quiet", "told"), [(False, "read 3 hosts\n"), (True, "")])
def test_a_pipe_gets_one_line_and_with_quiet_none(quiet: bool, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    with working("read 3 hosts", quiet):
        until(lambda: pipe.getvalue() == told, "it is told")
    assert pipe.getvalue() == told


def test_a_question_has_the_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(60) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        shown = Screen()
        with asking():
            other = threading.Thread(target=shown.line, args=("meanwhile",))
            other.start()
            stream.write("Go on? ")
            assert "meanwhile" not in stream.getvalue()
        other.join()
        assert stream.getvalue().endswith("Go on? meanwhile\n")


def test_what_is_copied_or_read_by_programs_is_never_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    report = RunReport("run", "site", {"node1": HostReport(resources=[ResourceReport("file:/a", "drift")])})
    with terminal(20) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        print_source(YAML)
        assert stream.getvalue() == f"{YAML}\n"
        for shape in (Output.json, Output.junit, Output.metrics, Output.markdown):
            print_report(Options(output=shape), report, "")
        assert "\x1b" not in stream.getvalue()
        print_safely(YAML)
        assert "\x1b" in stream.getvalue()
