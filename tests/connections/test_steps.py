"""One thread reaches several hosts at once by the steps of their sessions; a host that hangs delays no other."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from moor.connections.ssh.backends import make_session
from moor.connections.ssh.fitting_session import FittingSession
from moor.connections.ssh.steps import Steps, finish
from moor.connections.ssh.tcp import tcp_steps
from moor.errors import HostError
from moor.script_result import ScriptResult
from tests.harness.loop import take_all
from tests.harness.servers import free_port
from tests.harness.sshd import PASSWORD, Sshd


def session_of(sshd: Sshd, username: str = "root", **extras: object) -> FittingSession:
    options = sshd.options(username, **extras)
    options.pop("platform")
    return make_session(**options, configuration=None)


def reach(session: FittingSession, script: str, timeout_s: float = 30) -> Steps[ScriptResult]:
    """Connect, run a script, and close."""
    try:
        yield from session.connect_steps()
        return (yield from session.run_steps(script, timeout_s))
    finally:
        session.close()


@pytest.mark.usefixtures("backend")
def test_one_loop_reaches_several_hosts_while_one_of_them_hangs(sshd: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = session_of(sshd, conn_timeout=2)
        object.__setattr__(hanging.session.target, "port", silent.getsockname()[1])
        users = ["root", "ops", "noisy", "asked"] * 3
        sessions = [session_of(sshd, user, secret=PASSWORD) for user in users]
        ends: list[float] = []

        def timed(session: FittingSession) -> Steps[ScriptResult]:
            result = yield from reach(session, "id -u; echo $SUDO_USER >&2; exit 3")
            ends.append(time.monotonic())
            return result

        began = time.monotonic()
        hung, *results = take_all([reach(hanging, "id"), *map(timed, sessions)])
    assert isinstance(hung, HostError)
    assert "does not speak SSH in time" in str(hung)
    assert time.monotonic() - began < 10
    assert [result.stderr.decode().strip() for result in results] == [user.replace("root", "") for user in users]
    assert {(result.stdout, result.code) for result in results} == {(b"0\n", 3)}


@pytest.mark.usefixtures("backend")
def test_a_command_that_hangs_in_a_loop_ends_at_its_time_limit(sshd: Sshd) -> None:
    hung, result = take_all([reach(session_of(sshd), "echo begun; sleep 30", 1), reach(session_of(sshd), "echo done")])
    assert result.stdout == b"done\n"
    assert "no end within 1 s" in str(hung)
    assert hung.heard.stdout == b"begun\n"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def test_each_address_of_a_name_is_tried(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    port, real, main = listener.getsockname()[1], socket.getaddrinfo, threading.current_thread()
    resolvers = []

    def resolve(host: str, *words: object, **more: object) -> object:
        if host != "node1.example":
            return real(host, *words, **more)  # type: ignore[arg-type]
        if more.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "not numeric")
        resolvers.append(threading.current_thread())
        return real("127.0.0.2", free_port(), type=socket.SOCK_STREAM) + real(
            "127.0.0.1", port, type=socket.SOCK_STREAM
        )

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with finish(tcp_steps("node1.example", port, 5)) as sock:
        assert sock.getpeername() == ("127.0.0.1", port)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert main not in resolvers  # the resolver blocks, so that a thread of its own asks it


def test_the_error_is_that_of_the_last_address() -> None:
    with pytest.raises(ConnectionRefusedError):
        finish(tcp_steps("127.0.0.1", free_port(), 5))
