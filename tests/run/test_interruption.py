"""Ctrl-C and SIGTERM while a host does not answer: an end at once, told with exit code 130."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.harness.commands import moor, started
from tests.harness.sites import write_site
from tests.harness.waiting import until

MUTE = """\
mute:
  hostname: 127.0.0.1
  port: {port}
  username: nobody
  connection_options: {{shell: {{extras: {{allow_agent: false}}}}}}
  data: {{registry: {{name: registry.moor.test, address: 10.0.0.1}}}}
"""


def interrupted(site: Path, number: signal.Signals, *words: str) -> tuple[int, str, str]:
    """Send a signal to a command once it waits for a host, and return exit code and both outputs."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        write_site(site, {"inventory/hosts.yaml": MUTE.format(port=mute.getsockname()[1])})
        with started(site, *words) as process:
            mute.settimeout(60)
            peer, _ = mute.accept()  # moor has connected, and waits for a banner that does not come
            with peer:
                process.send_signal(number)
                out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_at_once_and_says_what_it_was_at(tmp_path: Path, number: signal.Signals) -> None:
    code, out, err = interrupted(tmp_path, number, "check")
    assert code == 130
    assert "interrupted: 0 changed, 0 failed before that\n  mute: under way: " in out
    assert "Traceback" not in err


def test_an_interrupted_run_that_speaks_to_a_program_does_so_to_its_end(tmp_path: Path) -> None:
    code, out, err = interrupted(tmp_path, signal.SIGTERM, "plan", "names", "--output", "json")
    assert (code, "Traceback" in err) == (130, False)
    assert "mute: under way: read; not begun: write_records, write_hosts" in json.loads(out)["warnings"][0]


def test_an_interrupted_apply_is_in_history(tmp_path: Path) -> None:
    code, _, err = interrupted(tmp_path, signal.SIGINT, "apply", "names", "--yes")
    assert (code, "Traceback" in err) == (130, False)
    assert "apply (interrupted)" in runs(tmp_path)


TASKS = '''\
"""Two steps without a shell, the first of which waits to be let on."""

import time
from pathlib import Path

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

HERE = Path(__file__).parent.parent


def first(task: Task) -> Result:
    (HERE / "begun").touch()
    while not (HERE / "go on").exists():
        time.sleep(0.01)
    (HERE / "first").touch()
    return Result(host=task.host)


def second(task: Task) -> Result:
    (HERE / "second").touch()
    return Result(host=task.host)
'''
RUNBOOK = """\
from moor.run.runbook import Runbook, Stage
from tasks.steps import first, second

RUNBOOK = Runbook("steps", "Two steps.", (Stage(first), Stage(second)))
"""


@contextmanager
def in_steps(site: Path, *under: str, out: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """Apply the two steps, and return the command while the first is under way."""
    hosts = {"inventory/hosts.yaml": "one: {hostname: 127.0.0.1}\n"}
    write_site(site, {**hosts, "tasks/steps.py": TASKS, "runbooks/steps.py": RUNBOOK})
    with started(site, "apply", "steps", "--yes", under=under, out=out) as process:
        try:
            until((site / "begun").exists, "the first step begins")
            yield process
        finally:
            (site / "go on").touch()  # nothing of it may outlive the test


def runs(site: Path) -> str:
    done = moor(site, "history")
    assert done.returncode == 0, done.said
    return done.stdout


@contextmanager
def locked(site: Path) -> Iterator[None]:
    """Hold the history of a site, so that whoever writes to it waits."""
    (site / ".moor").mkdir(mode=0o700)
    with closing(sqlite3.connect(site / ".moor/history.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def test_what_is_told_as_not_begun_does_not_begin_while_the_run_is_recorded(tmp_path: Path) -> None:
    with in_steps(tmp_path) as process:
        with locked(tmp_path):
            process.send_signal(signal.SIGINT)
            assert process.stdout
            told = ""
            while "not begun" not in told:
                told += (line := process.stdout.readline())
                assert line
            (tmp_path / "go on").touch()
            until((tmp_path / "first").exists, "the first step ends")
            process.send_signal(signal.SIGINT)  # an impatient one costs no record
        _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert "one: under way: first; not begun: second\n" in told
    assert not (tmp_path / "second").exists()
    assert "second:" not in err
    assert "apply (interrupted)" in runs(tmp_path)


def test_a_history_that_nobody_can_write_in_time_is_told(tmp_path: Path) -> None:
    with in_steps(tmp_path) as process, locked(tmp_path):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, "not begun: second" in out) == (130, True)
    assert "not all of this was recorded within 4 s" in err


def test_a_pipe_that_nobody_reads_holds_nothing_up(tmp_path: Path) -> None:
    heard, told = os.pipe()
    os.set_blocking(told, False)
    with suppress(BlockingIOError):
        while True:
            os.write(told, b"x" * 4096)
    os.set_blocking(told, True)
    with in_steps(tmp_path, out=told) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 130
    os.close(told)
    os.close(heard)
    assert "apply (interrupted)" in runs(tmp_path)


def test_a_closed_terminal_ends_a_run_as_ctrl_c_does(tmp_path: Path) -> None:
    with in_steps(tmp_path) as process:
        process.send_signal(signal.SIGHUP)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, "not begun: second" in out) == (130, True)
    assert "apply (interrupted)" in runs(tmp_path)


def test_what_whoever_started_it_had_ignored_stays_ignored(tmp_path: Path) -> None:
    """A shell does so with SIGINT of what it starts in its background, nohup with SIGHUP."""
    with in_steps(tmp_path, "sh", "-c", "trap '' INT HUP; exec \"$@\"", "sh") as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        (tmp_path / "go on").touch()
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, (tmp_path / "second").exists()) == (0, True), out
