"""Hosts that go wrong while the loop asks them: one error each, and nobody else is concerned."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from nornir.core.inventory import Host
from nornir.core.task import MultiResult, Result, Task

from moor.connections.ssh.backends import BACKENDS
from moor.connections.ssh.shell import ShellPlugin
from moor.engine.asking import Asking, Question, asks
from moor.engine.locking import run_under_lock
from moor.errors import ErrorKind, HostError, ScriptCutShort
from moor.processors import QuietProcessor
from moor.runner.loop_runner import LoopRunner
from moor.script_result import ScriptResult
from tests.harness.commands import moor, moor_here, started
from tests.harness.sites import write_site
from tests.harness.sshd import Sshd, descendants
from tests.harness.waiting import eventually
from tests.runner.fleets import names, nornir_over, peer, say, until_closed

STEPPED = ("libssh", "libssh2")  # the libraries that the loop takes in steps
every_library = pytest.mark.parametrize("backend", STEPPED)
GOOD = names(4)


@asks
def suffer(task: Task, script: str, timeout_s: float = 60) -> Asking[Result]:
    """Run one script on the host ``sick``, and a harmless one on the others."""
    answer = yield Question(script if task.host.name == "sick" else "echo good", timeout_s)
    return Result(host=task.host, result=answer.stdout.decode())


def suffered(sshd: Sshd, backend: str, script: str, timeout_s: float = 60, **extras: Any) -> HostError:
    """Return the error of the sick host, once the others have been checked."""
    with nornir_over(sshd, ["sick", *GOOD], backend=backend, **extras) as nr:
        found = nr.run(task=suffer, script=script, timeout_s=timeout_s)
        assert {str(found[name][0].result) for name in GOOD} == {"good\n"}
        assert nr.data.failed_hosts == {"sick"}
        assert list(nr.run(task=say, script="echo later")) == GOOD
        error = found["sick"].exception
    assert isinstance(error, HostError)
    return error


CUT = """\
p=$$; while [ "$p" -gt 1 ]; do
  case $(cat /proc/$p/comm) in sshd*) kill -9 "$p"; break ;; esac
  p=$(cut -d' ' -f4 /proc/$p/stat)
done; sleep 60"""


@every_library
def test_the_death_of_sshd_in_the_middle_of_a_script_is_a_lost_connection(sshd: Sshd, backend: str) -> None:
    error = suffered(sshd, backend, CUT)
    assert "connection lost after" in str(error)
    assert error.kind is ErrorKind.LOST


@every_library
def test_a_script_that_hangs_ends_at_its_own_bound(sshd: Sshd, backend: str) -> None:
    error = suffered(sshd, backend, "sleep 60", 2)
    assert "no end within 2 s" in str(error)
    assert error.kind is ErrorKind.TIMEOUT


@every_library
def test_a_host_whose_sshd_stops_answering_ends_at_its_own_bound(sshd: Sshd, backend: str) -> None:
    freeze = CUT.replace("kill -9", "kill -STOP")
    try:
        error = suffered(sshd, backend, freeze, 2)
    finally:
        sshd.signal_sessions(signal.SIGCONT)
    assert "within 2 s" in str(error)


@every_library
def test_output_without_end_is_cut_off_at_the_limit(sshd: Sshd, backend: str) -> None:
    assert "more than 5000000 bytes of output; stopped" in str(
        suffered(sshd, backend, "yes", limit_bytes=5_000_000)
    )  # fmt: skip


@every_library
@pytest.mark.parametrize(
    "said", [b"HTTP/1.0 400 Bad Request\r\n\r\n", os.urandom(100_000), b"SSH-2.0-x\r\n" + bytes(range(256)) * 64]
)
def test_garbage_is_an_error_of_its_host_alone(sshd: Sshd, backend: str, said: bytes) -> None:
    def babble(connection: socket.socket) -> None:
        connection.sendall(said)
        until_closed(connection)

    with peer(babble) as port, nornir_over(
        sshd, GOOD, backend=backend, elsewhere={"odd": port}, conn_timeout=2
    ) as nr:  # fmt: skip
        found = nr.run(task=say, script="echo good")
    assert [name for name, one in found.items() if one.failed] == ["odd"]
    assert isinstance(found["odd"].exception, HostError)


@every_library
def test_a_question_that_fails_may_be_followed_by_another(sshd: Sshd, backend: str) -> None:
    @asks
    def ask_again(task: Task) -> Asking[Result]:
        try:
            answer = yield Question("sleep 60", 1)
        except HostError:
            answer = yield Question("echo better", 60)
        return Result(host=task.host, result=answer.stdout)

    with nornir_over(sshd, GOOD, backend=backend) as nr:
        assert {one[0].result for one in nr.run(task=ask_again).values()} == {b"better\n"}


@every_library
def test_a_connection_that_was_lost_between_two_tasks_is_opened_again(tmp_path: Path, backend: str) -> None:
    with Sshd(tmp_path) as own, nornir_over(own, GOOD, backend=backend) as nr:
        assert not nr.run(task=say).failed
        own.cut()
        assert eventually(lambda: not descendants(own.process.pid if own.process else 0), 10)
        assert not nr.run(task=say).failed


@every_library
def test_ctrl_c_in_a_script_of_one_s_own_ends_every_login(sshd: Sshd, backend: str) -> None:
    class Impatient(QuietProcessor):
        def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
            raise KeyboardInterrupt

    arrived = threading.Event()

    def hold(connection: socket.socket) -> None:
        until_closed(connection)
        arrived.set()  # moor has closed its side

    with peer(hold) as port, nornir_over(sshd, GOOD, LoopRunner(), backend=backend, elsewhere={"mute": port}) as nr:
        with pytest.raises(KeyboardInterrupt):
            nr.with_processors([Impatient()]).run(task=say)
        assert arrived.wait(10)


def fleet(site: Path, sshd: Sshd, backend: str, port: int) -> Path:
    """Write a site with good hosts, and one at another port."""
    extras = {"key_file": str(sshd.key), "backend": backend}
    at = {**dict.fromkeys(GOOD, sshd.port), "mute": port}
    # an address of its own for each, since moor refuses two hosts with one
    entries = {
        name: {"hostname": f"127.0.{number + 1}.1" if name in GOOD else "127.0.0.1", "port": where}
        for number, (name, where) in enumerate(at.items())
    }
    data = {"ssh_host_key": sshd.host_key, "registry": {"name": "registry.moor.test", "address": "10.0.0.1"}}
    shell = {"extras": extras}
    return write_site(
        site,
        {
            "inventory/hosts.yaml": entries,
            "inventory/defaults.yaml": {
                "username": "root", "connection_options": {"shell": shell}, "data": data
            },
        },
    )  # fmt: skip


@pytest.fixture
def everywhere(tmp_path: Path) -> Sshd:
    """Return an sshd that listens at every address of loopback."""
    return Sshd(tmp_path / "sshd", settings={"ListenAddress": "0.0.0.0"})  # noqa: S104  # loopback's addresses


@every_library
@pytest.mark.parametrize("words", [("check",), ("plan", "names")])
def test_ctrl_c_while_the_loop_waits_for_one_host_ends_the_command_with_its_report(
    tmp_path: Path, everywhere: Sshd, backend: str, words: tuple[str, ...]
) -> None:
    came = threading.Event()

    def mute(connection: socket.socket) -> None:
        came.set()
        until_closed(connection)

    with everywhere, peer(mute) as port:
        site = fleet(tmp_path / "site", everywhere, backend, port)
        with started(site, *words) as process:
            assert came.wait(60)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "mute: under way: " in out
    assert "Traceback" not in err


@every_library
@pytest.mark.parametrize("workers", [None, "1", "3"])
def test_a_command_reads_its_fleet_whatever_the_number_of_workers(
    tmp_path: Path, everywhere: Sshd, backend: str, workers: str | None
) -> None:
    with everywhere, peer(lambda connection: None) as port:
        site = fleet(tmp_path / "site", everywhere, backend, port)
        done = moor(site, "check", "--output", "json", *(["--workers", workers] if workers else []))
    hosts = done.report["hosts"]
    assert done.returncode == 1
    assert [name for name, one in hosts.items() if "closed the connection before" in one["error"]] == ["mute"]
    assert all(hosts[name]["reached"] for name in GOOD)


def test_two_sites_in_one_process_are_read_one_after_the_other(tmp_path: Path, everywhere: Sshd) -> None:
    with everywhere:
        sites = [fleet(tmp_path / f"site{number}", everywhere, "libssh2", everywhere.port) for number in range(2)]
        done = [moor_here(site, "plan", "names", "--output", "json") for site in sites]
    for one in done:
        assert [host["error"] for host in one.report["hosts"].values()] == [""] * 5


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_script_that_is_killed_under_the_host_s_lock_leaves_open_what_it_did(sshd: Sshd, backend: str) -> None:
    kill = "p=$(sed 's/.*pid //' /run/moor.lock); kill -9 -$(ps -o pgid= $p | tr -d ' ')"
    plugin = ShellPlugin()
    plugin.open(**sshd.options(backend=backend))
    try:
        with pytest.raises(ScriptCutShort, match="killed there by signal 9; run again") as caught:
            run_under_lock(plugin.connection, ["true", kill, "true"], "moor-mark", "run", 60)
    finally:
        plugin.close()
    assert b"moor-mark 0 end 0\n" in (caught.value.heard or ScriptResult(b"", b"", 0)).stdout
