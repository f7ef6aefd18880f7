"""The tests that every SSH library's session must pass, taken in the calling thread and by a loop.

Whoever writes a backend of their own derives a class of tests from ``SessionKit``, in a directory with the fixture
``sshd`` of tests/connections/conftest.py, and overrides ``make``::

    class TestMine(SessionKit):
        @pytest.fixture
        def make(self) -> Make:
            return lambda target, parameters, limit_bytes: MySession(target, parameters, limit_bytes)
"""

from __future__ import annotations

import gc
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from moor.connections.ssh.session import ConnectionTarget, SSHSession, netmiko_parameters
from moor.connections.ssh.steps import Steps
from moor.errors import HostError
from moor.script_result import ScriptResult
from tests.harness.loop import take_all
from tests.harness.servers import free_port
from tests.harness.sshd import PASSWORD, Sshd, User, keypair
from tests.harness.waiting import until

Make = Callable[[ConnectionTarget, dict[str, Any], int], SSHSession]
Drive = Callable[[SSHSession, str, float], Any]  # connects, runs a script, closes; returns the result or the error
LIMIT = 1_000_000
ROOT = ScriptResult(b"0\n", b"", 0)


def reach_steps(session: SSHSession, script: str, timeout_s: float = 30) -> Steps[ScriptResult]:
    """Connect, run a script, and close."""
    try:
        yield from session.connect_steps()
        return (yield from session.run_steps(script, timeout_s))
    finally:
        session.close()


def reach_in_thread(session: SSHSession, script: str, timeout_s: float = 30) -> Any:
    """Do the same in the calling thread; return the error, if there is one."""
    try:
        session.connect()
        return session.run(script, timeout_s)
    except HostError as error:
        return error
    finally:
        session.close()


def reach_by_loop(session: SSHSession, script: str, timeout_s: float = 30) -> Any:
    """Do the same by a loop."""
    return take_all([reach_steps(session, script, timeout_s)])[0]


@contextmanager
def serving(answer: bytes | None) -> Iterator[int]:
    """Accept connections and yield the port; send ``answer`` and wait, or close at once if it is None."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_ones: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                if answer is None:
                    sock.close()
                else:
                    sock.sendall(answer)
                    open_ones.append(sock)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for sock in open_ones:
                sock.close()


class SessionKit:
    """What a session must do; a subclass overrides ``make``."""

    @pytest.fixture
    def make(self) -> Make:
        """Return how a session is made that is yet to be connected."""
        raise NotImplementedError

    @pytest.fixture(params=[reach_in_thread, reach_by_loop], ids=["thread", "loop"])
    def drive(self, request: pytest.FixtureRequest) -> Drive:
        found: Drive = request.param
        return found

    @pytest.fixture
    def session(self, make: Make) -> Callable[..., SSHSession]:
        """Return a function that makes a session for a user of an sshd."""

        def build(
            sshd: Sshd, username: str = "root", *, port: int = 0, limit: int = LIMIT, **extras: Any
        ) -> SSHSession:
            options = sshd.options(username, **extras)
            chosen = {key: value for key, value in options["extras"].items() if value is not None}
            target = ConnectionTarget("127.0.0.1", username, port or sshd.port, None)
            return make(target, netmiko_parameters(chosen, None), limit)

        return build

    @pytest.mark.parametrize("username", ["root", "ops", "asked", "noisy"])
    def test_a_script_runs_as_root(
        self, session: Callable[..., SSHSession], sshd: Sshd, drive: Drive, username: str
    ) -> None:
        assert drive(session(sshd, username, secret=PASSWORD), "id -u", 30) == ROOT

    def test_only_a_known_host_key_is_accepted(
        self, session: Callable[..., SSHSession], sshd: Sshd, drive: Drive, tmp_path: Path
    ) -> None:
        other = keypair(tmp_path / "other")
        rsa = keypair(tmp_path / "rsa", "rsa")
        assert "unknown host key ssh-ed25519 SHA256:" in str(drive(session(sshd, known_hosts="/dev/null"), "id -u", 30))
        assert "host key CHANGED" in str(drive(session(sshd, ssh_host_key=other), "id -u", 30))
        # a host whose known key is of a kind that it does not have
        assert "host key" in str(drive(session(sshd, ssh_host_key=rsa), "id -u", 30))
        assert drive(session(sshd, ssh_host_key=[rsa, sshd.host_key]), "id -u", 30) == ROOT

    def test_an_agent_s_key_logs_in(
        self,
        session: Callable[..., SSHSession],
        sshd: Sshd,
        drive: Drive,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        words = subprocess.run(["ssh-agent", "-s"], capture_output=True, text=True, check=True).stdout
        found = dict(re.findall(r"(SSH_\w+)=([^;]+);", words))
        try:
            for name, value in found.items():
                monkeypatch.setenv(name, value)
            for path in (tmp_path / "stranger", sshd.key):
                if path != sshd.key:
                    keypair(path)
                subprocess.run(["ssh-add", "-q", str(path)], check=True, capture_output=True)
            assert drive(session(sshd, key_file=None, use_keys=False), "id -u", 30) == ROOT
        finally:
            os.kill(int(found["SSH_AGENT_PID"]), signal.SIGTERM)

    @pytest.mark.parametrize("method", ["PasswordAuthentication", "KbdInteractiveAuthentication"])
    def test_a_password_logs_in_by_the_method_that_the_host_allows(
        self, make: Make, drive: Drive, tmp_path: Path, method: str
    ) -> None:
        settings = {
            "UsePAM": "yes",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            method: "yes",
        }
        user = User("ops", "ALL=(ALL:ALL) NOPASSWD: ALL")
        with Sshd(tmp_path / "sshd", (user,), settings) as sshd:
            target = ConnectionTarget("127.0.0.1", "ops", sshd.port, None)
            given = {"known_hosts": str(sshd.known_hosts), "conn_timeout": 5}
            assert drive(make(target, netmiko_parameters(given, PASSWORD), LIMIT), "id -u", 30) == ROOT
            refused = drive(make(target, netmiko_parameters(given, "wrong"), LIMIT), "id -u", 30)
        assert "authentication failed" in str(refused)

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"MaxSessions": "0"}, "sshd refused to run a command"),
            ({"ForceCommand": "/bin/echo only this"}, "login shell did not run a command.*only this"),
            ({"ForceCommand": "/bin/false"}, "login shell did not run a command"),
        ],
    )
    def test_a_host_that_runs_no_command(
        self,
        session: Callable[..., SSHSession],
        drive: Drive,
        tmp_path: Path,
        settings: dict[str, str],
        words: str,
    ) -> None:
        with Sshd(tmp_path / "sshd", settings=settings) as sshd:
            error = drive(session(sshd), "id -u", 30)
        assert isinstance(error, HostError)
        assert re.search(words, str(error))

    def test_a_banner_and_early_rekeying_do_no_harm(
        self, session: Callable[..., SSHSession], drive: Drive, tmp_path: Path
    ) -> None:
        (tmp_path / "banner").write_text("authorised users only\n" * 50)
        with Sshd(tmp_path / "sshd", settings={"Banner": str(tmp_path / "banner"), "RekeyLimit": "2M"}) as sshd:
            answer = drive(session(sshd, limit=9_000_000), "head -c 8000000 /dev/zero", 60)
        assert (len(answer.stdout), answer.code) == (8_000_000, 0)

    def test_output_without_end_is_bounded(self, session: Callable[..., SSHSession], sshd: Sshd, drive: Drive) -> None:
        assert "more than 1000000 bytes" in str(drive(session(sshd), "head -c 5G /dev/zero", 30))

    def test_many_scripts_one_after_the_other_on_one_connection(
        self, session: Callable[..., SSHSession], sshd: Sshd
    ) -> None:
        reached = session(sshd)
        reached.connect()
        before = len(os.listdir("/proc/self/fd"))
        for number in range(60):
            assert reached.run(f"echo {number}", 30).stdout == b"%d\n" % number
        assert len(os.listdir("/proc/self/fd")) == before
        reached.close()

    def test_in_a_loop_hosts_with_faults_delay_no_other(self, session: Callable[..., SSHSession], sshd: Sshd) -> None:
        with serving(b"") as silent, serving(b"HTTP/1.1 400 Bad Request\r\n\r\n") as web, serving(None) as closing:
            ports = (silent, web, closing, free_port())
            bad = [session(sshd, port=port, conn_timeout=1) for port in ports]
            ends: list[float] = []

            def timed(reached: SSHSession) -> Steps[ScriptResult]:
                result = yield from reach_steps(reached, "id -u")
                ends.append(time.monotonic())
                return result

            results = take_all([*(reach_steps(one, "id -u") for one in bad), *(timed(session(sshd)) for _ in range(5))])
        words = ("does not speak SSH", "does not speak SSH", "closed the connection before the login", "refused")
        for word, error in zip(words, results[:4], strict=True):
            assert word in str(error)
        assert results[4:] == [ROOT] * 5

    def test_in_a_loop_a_cut_or_stopped_host_ends_in_time(
        self, session: Callable[..., SSHSession], sshd: Sshd, tmp_path: Path
    ) -> None:
        with Sshd(tmp_path / "cut") as cut, Sshd(tmp_path / "stopped") as stopped:

            def then(server: Sshd, number: signal.Signals, place: Path) -> Steps[ScriptResult]:
                reached = session(server)
                try:
                    yield from reached.connect_steps()
                    steps, begun = reached.run_steps(f"touch {place}; sleep 60", 4), False
                    wait = next(steps)
                    while True:
                        if not begun and place.exists():
                            begun = True
                            server.signal_sessions(number)
                        wait = steps.send((yield wait))
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                finally:
                    reached.close()

            began = time.monotonic()
            lost, hung, healthy = take_all(
                [
                    then(cut, signal.SIGKILL, tmp_path / "one"),
                    then(stopped, signal.SIGSTOP, tmp_path / "two"),
                    reach_steps(session(sshd), "sleep 5; id -u"),
                ]
            )
            stopped.signal_sessions(signal.SIGCONT)
        assert re.search("connection lost|no end within|no answer within", str(lost))
        assert re.search("no end within 4 s|no answer within 4 s", str(hung))
        assert healthy == ROOT
        assert time.monotonic() - began < 40

    def test_logins_leave_no_descriptor_thread_or_memory_behind(
        self, session: Callable[..., SSHSession], sshd: Sshd
    ) -> None:
        def log_in(times: int) -> None:
            for _ in range(times):
                assert take_all([reach_steps(session(sshd), "id -u") for _ in range(10)]) == [ROOT] * 10
                assert isinstance(reach_by_loop(session(sshd, known_hosts="/dev/null"), "id -u"), HostError)

        log_in(4)
        gc.collect()
        before = _used()
        log_in(8)
        gc.collect()
        descriptors, kilobytes = _used()
        assert descriptors <= before[0] + 2
        assert kilobytes < before[1] + 6000
        until(lambda: threading.active_count() < 60, "the threads of the logins have ended")


def _used() -> tuple[int, int]:
    """Return the number of open descriptors, and the memory in kB."""
    status = Path("/proc/self/status").read_text()
    return len(os.listdir("/proc/self/fd")), int(status.partition("VmRSS:")[2].split()[0])
