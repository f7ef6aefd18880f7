"""Each reason why a host is not reached has its own line of error, in time; with real sockets and a real sshd."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from moor.connections.ssh import backends
from moor.connections.ssh.failures import explain
from moor.connections.ssh.shell import ShellPlugin
from moor.errors import InputError, MoorError
from tests.harness.servers import free_port
from tests.harness.sshd import Sshd, keypair

pytestmark = pytest.mark.usefixtures("backend")

Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """Listen on loopback and yield the port; connections are served one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        over = threading.Event()

        def work() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    serve(connection)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            over.set()
            thread.join()


def hang(connection: socket.socket) -> None:
    """Send nothing until the client closes the connection."""
    connection.settimeout(5)
    while connection.recv(4096):
        pass


def hang_after_banner(connection: socket.socket) -> None:
    """Send the banner of SSH, then nothing."""
    connection.sendall(b"SSH-2.0-stuck\r\n")
    hang(connection)


def talk_http(connection: socket.socket) -> None:
    """Answer by another protocol."""
    connection.recv(100)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    hang(connection)


def hang_up(connection: socket.socket) -> None:
    """Close at once, as TCP wrappers do."""


def failure(**options: Any) -> str:
    """Try to connect, and return the error, which is one line."""
    plugin = ShellPlugin()
    with pytest.raises(MoorError) as caught:
        plugin.open(**options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def to(port: int, hostname: str = "127.0.0.1", **extras: Any) -> dict[str, Any]:
    """Return the arguments of ``open`` for a port, with short timeouts."""
    key = {"known_hosts": "/dev/null", "conn_timeout": 1, "allow_agent": False}
    return {
        "hostname": hostname,
        "username": "root",
        "password": None,
        "port": port,
        "platform": None,
        "extras": key | extras,
    }


def alone(hostname: str) -> str:
    """Try to connect from a network namespace without any interface up, and return the error."""
    backend = {"backend": backends.CHOICES[0]}
    opening = f"P().open({hostname!r}, 'root', None, 22, None, {backend})"
    code = f"from moor.connections.ssh.shell import ShellPlugin as P; {opening}"
    done = subprocess.run(
        ["unshare", "-n", "--", sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    return done.stderr.splitlines()[-1]


def test_a_name_that_does_not_resolve() -> None:
    with pytest.raises(socket.gaierror) as caught:
        socket.getaddrinfo("node1", 22, flags=socket.AI_NUMERICHOST)  # as without an answer, and without a question
    assert str(explain(caught.value, "node1:22")) == (
        "node1:22: the name cannot be resolved (DNS); check hostname in the inventory, or the resolver"
    )


def test_a_missing_resolver() -> None:
    assert "node1.example:22: the resolver (DNS) does not answer" in alone("node1.example")


def test_an_invalid_hostname() -> None:
    assert "this is no hostname" in failure(**to(22, "a..b"))


def test_a_port_without_a_listener() -> None:
    port = free_port()
    assert failure(**to(port)).startswith(f"127.0.0.1:{port}: connection refused")


def test_an_address_without_a_route() -> None:
    assert "10.0.0.1:22: no route (Network is unreachable)" in alone("10.0.0.1")


def test_a_host_that_drops_packets_times_out() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):  # the queue is full now, and the kernel answers no more
            began = time.monotonic()
            assert "timed out; is the host up" in failure(**to(port))
            assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        (hang, "does not speak SSH in time"),
        (hang_after_banner, "does not speak SSH in time"),
        (talk_http, "does not speak SSH in time"),
        (hang_up, "closed the connection before the login"),
    ],
)
def test_a_port_without_a_healthy_sshd(serve: Serve, words: str) -> None:
    began = time.monotonic()
    with server(serve) as port:
        assert words in failure(**to(port))
    assert time.monotonic() - began < 8


def test_an_unknown_host_key_is_refused_with_its_fingerprint(sshd: Sshd) -> None:
    told = failure(**sshd.options(known_hosts="/dev/null"))
    assert "unknown host key ssh-ed25519 SHA256:" in told
    assert "moor check --accept-new-host-keys" in told


def test_a_changed_host_key_is_refused_with_both_fingerprints(sshd: Sshd, tmp_path: Path) -> None:
    other = keypair(tmp_path / "other")
    told = failure(**sshd.options(ssh_host_key=other))
    assert "host key CHANGED" in told
    assert told.count("SHA256:") == 2


def test_host_keys_cannot_be_switched_off(sshd: Sshd) -> None:
    assert "host keys are always checked" in failure(**sshd.options(ssh_strict=False))


def test_a_host_key_in_the_inventory_is_enough(sshd: Sshd) -> None:
    plugin = ShellPlugin()
    plugin.open(**sshd.options(known_hosts="/dev/null", ssh_host_key=sshd.host_key))
    plugin.close()


def test_a_user_key_that_the_host_does_not_accept(sshd: Sshd, tmp_path: Path) -> None:
    keypair(tmp_path / "stranger")
    assert "authentication failed: the host refused" in failure(**sshd.options(key_file=str(tmp_path / "stranger")))


def test_a_wrong_password(sshd: Sshd) -> None:
    options = sshd.options("ops") | {"password": "wrong"}
    options["extras"].pop("key_file")
    assert "authentication failed" in failure(**options)


def test_an_encrypted_key_without_its_passphrase(sshd: Sshd, tmp_path: Path) -> None:
    keypair(tmp_path / "locked", passphrase="open sesame")
    assert "the key is encrypted" in failure(**sshd.options(key_file=str(tmp_path / "locked")))


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_an_encrypted_key_with_its_passphrase(tmp_path: Path, kind: str) -> None:
    with Sshd(tmp_path / "sshd") as sshd:
        public = keypair(tmp_path / "locked", kind, "open sesame")
        (sshd.directory / "authorized_keys").write_text(public)
        sshd.stop()
        sshd.start()
        plugin = ShellPlugin()
        plugin.open(**sshd.options(key_file=str(tmp_path / "locked"), passphrase="open sesame"))
        assert plugin.connection.run("echo in", 30).stdout == b"in\n"
        plugin.close()


def test_a_missing_key_file(sshd: Sshd) -> None:
    assert "No such file" in failure(**sshd.options(key_file="/nonexistent/key"))


def test_a_parameter_that_the_library_does_not_know(sshd: Sshd) -> None:
    with pytest.raises(InputError, match=r"(unexpected keyword argument 'conn_timout'|takes no conn_timout)"):
        ShellPlugin().open(**sshd.options(conn_timout=3))


def test_an_unknown_backend(sshd: Sshd) -> None:
    with pytest.raises(InputError, match="'paramiko'; it is libssh2 or libssh or netmiko"):
        ShellPlugin().open(**sshd.options(backend="paramiko"))


def test_a_host_without_a_hostname() -> None:
    with pytest.raises(InputError, match="without hostname"):
        ShellPlugin().open(None, "root", None, 22, None)


def test_a_failed_host_leaves_no_thread_behind(sshd: Sshd) -> None:
    before = threading.active_count()
    for _ in range(3):
        failure(**sshd.options(known_hosts="/dev/null"))
    with server(hang) as port:
        failure(**to(port))
    assert threading.active_count() <= before
