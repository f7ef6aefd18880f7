"""Errors have the right kind: those of a real sshd, of sockets, and of a TLS server."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import paramiko
import pytest

from moor.connections.apis.harbor import Harbor
from moor.connections.ssh.failures import failure_of, kind_of_request_error, kind_of_status
from moor.connections.ssh.shell import Shell, ShellPlugin
from moor.errors import ErrorKind, HostError
from moor.pki.authority import CertificateNames, issue, make_authority, utc_now
from tests.connections.test_failures import hang, server, to
from tests.harness.servers import free_port
from tests.harness.sshd import Sshd, keypair
from tests.pki.handshakes import written

BY_SSH = pytest.mark.usefixtures("backend")


def kind_of(action: Callable[[], object]) -> ErrorKind:
    with pytest.raises(HostError) as caught:
        action()
    return caught.value.kind


def opening(**options: Any) -> Callable[[], object]:
    return lambda: ShellPlugin().open(**options)


@BY_SSH
def test_each_failure_to_log_in_has_its_kind(sshd: Sshd, tmp_path: Path) -> None:
    keypair(tmp_path / "stranger")
    other = keypair(tmp_path / "other")
    assert kind_of(opening(**to(free_port()))) == ErrorKind.UNREACHABLE
    assert kind_of(opening(**to(22, "a..b"))) == ErrorKind.NAME
    assert kind_of(opening(**sshd.options(known_hosts="/dev/null"))) == ErrorKind.HOST_KEY
    assert kind_of(opening(**sshd.options(ssh_host_key=other))) == ErrorKind.HOST_KEY
    assert kind_of(opening(**sshd.options(key_file=str(tmp_path / "stranger")))) == ErrorKind.AUTHENTICATION
    with server(hang) as port:
        assert kind_of(opening(**to(port))) == ErrorKind.UNREACHABLE


@BY_SSH
def test_each_failure_over_an_open_connection_has_its_kind(log_in: Callable[..., Shell]) -> None:
    shell = log_in(limit_bytes=100_000)
    assert kind_of(lambda: shell.run("sleep 30", 1)) == ErrorKind.TIMEOUT
    assert kind_of(lambda: shell.run("head -c 300000 /dev/zero", 20)) == ErrorKind.ANSWER
    assert kind_of(lambda: log_in("stranger").run(":", 20)) == ErrorKind.PRIVILEGE
    assert kind_of(lambda: log_in("asked", secret="wrong").run(":", 20)) == ErrorKind.PRIVILEGE
    assert kind_of(lambda: log_in("nobodys").run(":", 20)) == ErrorKind.COMMAND


@BY_SSH
def test_a_connection_that_breaks_during_a_script_is_lost(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd:
        plugin = ShellPlugin()
        plugin.open(**sshd.options())
        threading.Timer(0.5, sshd.cut).start()
        assert kind_of(lambda: plugin.connection.run("sleep 30", 60)) == ErrorKind.LOST
        plugin.close()


@pytest.mark.parametrize("context", [None, EOFError(), BrokenPipeError(), ConnectionResetError()])
def test_a_failed_jump_host_is_named_although_the_connection_was_lost_first(context: Exception | None) -> None:
    error = paramiko.ProxyCommandFailure(
        "ssh -W node1:22 gate", "Host key verification failed: no ED25519 host key is known for gate"
    )
    error.__context__ = context
    failure = failure_of(error)
    assert failure.kind == ErrorKind.HOST_KEY
    assert "the way through the jump host failed: Host key verification failed" in failure.words


def test_a_tls_server_whose_certificate_is_not_trusted(tmp_path: Path) -> None:
    authority = make_authority(CertificateNames(("registry.moor.test",)), 30, utc_now())
    files = written(
        tmp_path, authority.certificate, issue(authority, CertificateNames(("registry.moor.test",)), 9, utc_now())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)

    def serve(plain: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(plain, server_side=True) as secured:
            secured.recv(100)

    with server(serve) as port:
        harbor = Harbor("registry.moor.test", "127.0.0.1", port, None, ssl.create_default_context())
        assert kind_of(lambda: harbor.ask("GET", "/v2/")) == ErrorKind.CERTIFICATE
        harbor.close()


def test_a_harbor_that_does_not_listen_is_unreachable() -> None:
    harbor = Harbor("registry.moor.test", "127.0.0.1", free_port(), None, ssl.create_default_context())
    assert kind_of(lambda: harbor.ask("GET", "/v2/")) == ErrorKind.UNREACHABLE
    harbor.close()


def test_a_server_that_does_not_answer_a_request_is_a_timeout() -> None:
    with server(hang) as port, pytest.raises(httpx2.HTTPError) as caught:
        httpx2.get(f"http://127.0.0.1:{port}/", timeout=0.3, trust_env=False)
    assert kind_of_request_error(caught.value) == ErrorKind.TIMEOUT


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (401, ErrorKind.AUTHENTICATION),
        (403, ErrorKind.PRIVILEGE),
        (409, ErrorKind.CONFLICT),
        (422, ErrorKind.REFUSED),
        (503, ErrorKind.UNHEALTHY),
    ],
)
def test_each_http_status_that_is_no_success_has_its_kind(code: int, kind: ErrorKind) -> None:
    assert kind_of_status(code) == kind
