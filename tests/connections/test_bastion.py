"""Hosts behind a jump host are reached by one login there, which ends with the run, however that ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nornir.core.configuration import Config, SSHConfig

from moor.connections.ssh import bastion
from moor.connections.ssh.session import SSHSession
from moor.connections.ssh.shell import ShellPlugin
from moor.errors import ErrorKind, HostError
from tests.connections.conftest import ALL
from tests.harness.servers import free_port
from tests.harness.sshd import Sshd, User
from tests.harness.waiting import eventually, until

MANY = 30


@dataclass
class Way:
    """A jump host ``gate``, and an sshd behind it that answers to many names."""

    folder: Path
    gate: Sshd
    inner: Sshd

    def write(self, more: str = "") -> Way:
        """Write ssh_config and known_hosts; ``more`` counts for the gate alone."""
        self.known_hosts.write_text(self.gate.known_hosts.read_text() + self.inner.known_hosts.read_text())
        (self.folder / "ssh_config").write_text(
            f"Host gate\n HostName 127.0.0.1\n Port {self.gate.port}\n ProxyJump none\n{more}"
            f"Host nobody\n HostName 127.0.0.1\n Port {free_port()}\n"
            f"Host node*\n HostName 127.0.0.1\n Port {self.inner.port}\n"
            f"Host *\n User ops\n IdentityFile {self.inner.key}\n IdentitiesOnly yes\n ProxyJump gate\n"
        )
        return self

    @property
    def known_hosts(self) -> Path:
        """Return the site's known_hosts."""
        return self.folder / "known_hosts"

    @property
    def logins(self) -> int:
        """Return how often somebody has logged in to the gate."""
        return (self.gate.directory / "log").read_text().count("Accepted publickey")

    def open(self, name: str = "node1", **extras: Any) -> ShellPlugin:
        plugin = ShellPlugin()
        config = Config(ssh=SSHConfig(config_file=str(self.folder / "ssh_config")))
        known = {"known_hosts": str(self.known_hosts), "conn_timeout": 5}
        plugin.open(name, None, None, None, None, known | extras, config)
        return plugin

    def ask(self, name: str = "node1", **extras: Any) -> bytes:
        plugin = self.open(name, **extras)
        try:
            return plugin.connection.run("echo $SUDO_USER", 30).stdout
        finally:
            plugin.close()

    def refused(self, name: str = "node1", **extras: Any) -> HostError:
        with pytest.raises(HostError) as error:
            self.ask(name, **extras)
        return error.value


@pytest.fixture(scope="module")
def inner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with Sshd(tmp_path_factory.mktemp("inner"), (User("ops", ALL),)) as running:
        yield running


def gate(folder: Path, inner: Sshd, **settings: str) -> Sshd:
    """Return a gate to which the key of the host behind it logs in too."""
    found = Sshd(folder / "gate", (User("ops"),), settings)
    (found.directory / "authorized_keys").write_bytes((inner.directory / "authorized_keys").read_bytes())
    return found


@pytest.fixture
def way(tmp_path: Path, inner: Sshd) -> Iterator[Way]:
    bastion.end_all()
    with gate(tmp_path, inner, MaxSessions="1") as running:
        yield Way(tmp_path, running, inner).write()
        bastion.end_all()


def masters(folder: Path) -> list[int]:
    """Return the ssh processes that use the site's ssh_config."""
    done = subprocess.run(["pgrep", "-f", f"^ssh .*{folder}/ssh_config"], capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()]


def has_lost(plugins: Sequence[ShellPlugin]) -> bool:
    """Return whether this side knows that all connections are lost; a command sent before may have run."""
    sessions = [plugin.connection for plugin in plugins]
    return not any(isinstance(session, SSHSession) and session.is_alive() for session in sessions)


def test_many_hosts_behind_a_jump_host_take_one_login_there(way: Way, backend: str) -> None:
    with ThreadPoolExecutor(MANY) as pool:
        found = list(pool.map(way.ask, [f"node{number}" for number in range(MANY)]))
    assert found == [b"ops\n"] * MANY
    assert way.logins == 1


def test_a_jump_host_that_limits_sessions_and_logins_serves_hosts_that_stay_connected(way: Way) -> None:
    plugins = [way.open(f"node{number}") for number in range(5)]
    assert [plugin.connection.run("echo $SUDO_USER").stdout for plugin in plugins] == [b"ops\n"] * 5
    for plugin in plugins:
        plugin.close()
    assert way.logins == 1


def test_a_login_that_nobody_needs_any_more_ends(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bastion, "LINGER_S", 0.2)
    with closing(way.open()):
        assert len(masters(way.folder)) == 1
    until(lambda: not masters(way.folder), "the login at the gate ends")
    assert way.ask("node2") == b"ops\n"
    assert way.logins == 2


def test_a_host_that_the_jump_host_cannot_reach_is_named_and_the_others_go_on(way: Way, backend: str) -> None:
    plugin = way.open("node1")
    error = way.refused("nobody")
    assert error.kind is ErrorKind.UNREACHABLE
    assert "the way through the jump host failed: gate opens no connection to 127.0.0.1:" in str(error)
    assert "Connection refused" in str(error)
    assert plugin.connection.run("echo $SUDO_USER").stdout == b"ops\n"
    plugin.close()
    assert way.logins == 1


def test_a_host_that_does_not_answer_behind_the_jump_host_is_named(way: Way, backend: str) -> None:
    plugin = way.open()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        place = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]  # a full queue, so that the kernel answers no further SYN
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(place)
        path = way.folder / "ssh_config"
        path.write_text(f"Host silent\n HostName 127.0.0.1\n Port {place[1]}\n{path.read_text()}")
        error = way.refused("silent", conn_timeout=1, banner_timeout=1, auth_timeout=1)
        for sock in waiting:
            sock.close()
    assert f"gate: no answer from 127.0.0.1:{place[1]} in time" in str(error)
    assert plugin.connection.run("echo $SUDO_USER").stdout == b"ops\n"
    plugin.close()
    assert way.logins == 1


def test_a_jump_host_that_forwards_nothing_is_told_to_allow_it(tmp_path: Path, inner: Sshd, backend: str) -> None:
    with gate(tmp_path, inner, AllowTcpForwarding="no") as running:
        error = Way(tmp_path, running, inner).write().refused()
    assert "administratively prohibited" in str(error)
    assert "AllowTcpForwarding" in str(error)


def test_a_jump_host_that_asks_for_a_password_is_an_error(tmp_path: Path, inner: Sshd, backend: str) -> None:
    with gate(tmp_path, inner, PubkeyAuthentication="no") as running:
        error = Way(tmp_path, running, inner).write().refused()
    assert "the way through the jump host failed: ops@127.0.0.1: Permission denied" in str(error)


def test_a_jump_host_that_is_down_fails_every_host_and_is_used_again_once_it_is_up(way: Way, backend: str) -> None:
    way.gate.stop()
    with ThreadPoolExecutor(5) as pool:
        errors = list(pool.map(way.refused, [f"node{number}" for number in range(5)]))
    assert all("the way through the jump host failed" in str(error) for error in errors)
    assert all("Connection refused" in str(error) for error in errors)
    way.gate.start()
    until(lambda: _works(way), "the hosts are reached again")


def _works(way: Way) -> bool:
    try:
        return way.ask() == b"ops\n"
    except HostError:
        return False


def test_hosts_behind_a_jump_host_that_dies_fail_and_are_reached_by_a_new_login(way: Way, backend: str) -> None:
    plugins = [way.open(f"node{number}") for number in range(3)]
    way.gate.cut()
    until(lambda: not masters(way.folder) and has_lost(plugins), "both sides notice")
    assert [plugin.connection.run("echo $SUDO_USER").stdout for plugin in plugins] == [b"ops\n"] * 3
    assert way.logins == 2
    way.gate.stop()
    until(lambda: not masters(way.folder) and has_lost(plugins), "both sides notice")
    for plugin in plugins:
        with pytest.raises(HostError, match=r"through the jump host failed: .*Connection refused"):
            plugin.connection.run(":")
        plugin.close()


def test_a_command_that_is_cut_by_the_jump_host_s_end_names_it(way: Way, tmp_path: Path, backend: str) -> None:
    with closing(way.open()) as plugin, ThreadPoolExecutor(1) as pool:
        running = pool.submit(plugin.connection.run, f"touch {tmp_path}/begun; sleep 60")
        until((tmp_path / "begun").exists, "the command runs", 20)
        way.gate.cut()
        with pytest.raises(HostError, match=r"connection lost .*gate: the connection to it was lost.*; run again"):
            running.result(30)


def test_a_jump_host_with_too_many_logins_at_once_is_asked_again(tmp_path: Path, inner: Sshd) -> None:
    with gate(tmp_path, inner, MaxStartups="1") as busy, ThreadPoolExecutor(1) as pool:
        log, sockets = busy.directory / "log", until(lambda: _begun_login(busy), "the one login is begun")
        answer = pool.submit(Way(tmp_path, busy, inner).write().ask)
        until(lambda: "MaxStartups" in log.read_text() or "drop connection" in log.read_text(), "it refuses")
        sockets[0].close()
        assert answer.result(30) == b"ops\n"


def _begun_login(sshd: Sshd) -> list[socket.socket]:
    """Begin the one login that the sshd allows, unless the connection that asked whether it runs is still there."""
    sock = socket.create_connection(("127.0.0.1", sshd.port), 5)
    if sock.recv(4) == b"SSH-":
        return [sock]
    sock.close()
    return []


def test_a_jump_host_behind_another_takes_one_login_each(way: Way, tmp_path: Path) -> None:
    with gate(tmp_path / "second", way.inner) as second:
        way.write(f"Host deep\n HostName 127.0.0.1\n Port {second.port}\n")
        path = way.folder / "ssh_config"
        path.write_text(f"Host far*\n HostName 127.0.0.1\n Port {way.inner.port}\n ProxyJump deep\n{path.read_text()}")
        known = way.known_hosts
        known.write_text(known.read_text() + second.known_hosts.read_text())
        names = ["far1", "far2", "node1", "far3"]
        with ThreadPoolExecutor(len(names)) as pool:
            assert list(pool.map(way.ask, names)) == [b"ops\n"] * len(names)
        assert (way.logins, (second.directory / "log").read_text().count("Accepted publickey")) == (1, 1)
        bastion.end_all()


def test_a_connection_that_the_user_keeps_open_is_used(way: Way, tmp_path: Path) -> None:
    control = tmp_path / "c"
    way.write(f" ControlPath {control}\n ControlMaster auto\n")
    config, known = way.folder / "ssh_config", way.known_hosts
    own = ["ssh", "-F", str(config), "-o", f"UserKnownHostsFile={known}", "gate"]
    subprocess.run([*own[:-1], "-o", "ControlPersist=yes", "-fN", "gate"], check=True, stderr=subprocess.DEVNULL)
    try:
        assert [way.ask("node1"), way.ask("node2")] == [b"ops\n"] * 2
        assert "the way through the jump host failed" in str(way.refused("nobody"))
        assert way.logins == 1
    finally:
        subprocess.run([*own[:-1], "-O", "exit", "gate"], check=True, stderr=subprocess.DEVNULL)


def test_a_control_path_without_a_connection_is_left_alone(way: Way, tmp_path: Path) -> None:
    control = tmp_path / "c"
    way.write(
        f" ControlPath {control}\n ControlMaster auto\n ControlPersist 60\n RemoteCommand echo\n LocalForward 1 h:1\n"
    )
    assert way.ask() == b"ops\n"
    assert not control.exists()


PROGRAM = """\
import sys
from nornir.core.configuration import Config, SSHConfig
from moor.connections.ssh.session import SSHSession
from moor.connections.ssh.shell import ShellPlugin
folder, known = sys.argv[1:]
plugin, config = ShellPlugin(), Config(ssh=SSHConfig(config_file=f"{folder}/ssh_config"))
plugin.open("node1", None, None, None, None, {"known_hosts": known}, config)
print(plugin.connection.run("echo $SUDO_USER").stdout.decode().strip(), flush=True)
if sys.stdin.readline() == "leave\\n":
    sys.exit()
"""


def begin(way: Way) -> subprocess.Popen[str]:
    """Start a program that connects and waits, as a run does."""
    argv = [sys.executable, "-c", PROGRAM, str(way.folder), str(way.known_hosts)]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(way.folder)}
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout
    assert process.stdout.readline() == "ops\n"
    return process


def left(way: Way) -> list[Any]:
    """Return the processes and sockets that a run has left behind."""
    return [*masters(way.folder), *(path for path in way.folder.glob("moor-*/*"))]


@pytest.mark.parametrize("end", ["leave", signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=str)
def test_nothing_is_left_behind_after_a_run_however_it_ends(way: Way, end: str | signal.Signals) -> None:
    with begin(way) as process:
        assert len(left(way)) == 2
        if isinstance(end, signal.Signals):
            process.send_signal(end)
        else:
            process.communicate(f"{end}\n", timeout=20)
        process.wait(20)
    if isinstance(end, str):
        assert left(way) == []
    assert eventually(lambda: left(way) == []), left(way)
    assert way.ask() == b"ops\n"


def test_two_runs_at_once_log_in_each_and_do_not_end_one_another(way: Way) -> None:
    with begin(way) as first, begin(way) as second:
        first.communicate("leave\n", timeout=20)
        until(lambda: len(masters(way.folder)) == 1, "the first one's login ends")
        assert way.logins == 2
        second.communicate("leave\n", timeout=20)
    assert left(way) == []


def test_the_socket_of_a_killed_ssh_is_removed_by_a_later_run(way: Way) -> None:
    with begin(way) as process:
        (pid,) = masters(way.folder)
        os.kill(pid, signal.SIGKILL)
        process.communicate("leave\n", timeout=20)
    (path,) = left(way)
    os.utime(path, (0, 0))
    with begin(way) as process:
        assert not path.exists()
        process.communicate("leave\n", timeout=20)
    assert left(way) == []


def test_only_the_user_may_go_through_the_login(way: Way) -> None:
    with begin(way) as process:
        (directory,) = way.folder.glob("moor-*")
        assert (directory.stat().st_mode & 0o777, directory.stat().st_uid) == (0o700, os.geteuid())
        process.communicate("leave\n", timeout=20)


def test_a_directory_of_somebody_else_is_not_used(way: Way) -> None:
    (way.folder / f"moor-{os.geteuid()}").mkdir(mode=0o777)
    (way.folder / f"moor-{os.geteuid()}").chmod(0o777)
    with begin(way) as process:
        assert len(left(way)) == 1  # the process alone: its socket is elsewhere
        process.communicate("leave\n", timeout=20)
