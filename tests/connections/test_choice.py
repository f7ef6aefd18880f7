"""The library that reaches a host: the fastest that can, the one that is named, or Netmiko for its extras."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from moor.connections.ssh import backends
from moor.connections.ssh.shell import Shell, ShellPlugin
from moor.errors import HostError, InputError
from tests.harness.sshd import Sshd, keypair

LogIn = Callable[..., Shell]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Return what `moor check -v` says about the last host."""
    caplog.set_level(logging.INFO, "moor.connections.ssh")
    return lambda: caplog.messages[-1].partition(" is reached by ")[2]


def test_the_fastest_library_that_is_installed_is_the_default(
    log_in: LogIn, told: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in()
    assert told() == "libssh (the fastest)"
    monkeypatch.setattr(backends, "is_installed", lambda name: name == "netmiko")
    log_in()
    assert told() == "netmiko (ssh-python is not installed, which is faster)"


def test_the_inventory_chooses_a_library(log_in: LogIn, told: Callable[[], str]) -> None:
    log_in(backend="libssh2")
    assert told() == "libssh2 (backend: libssh2)"


def test_extras_that_only_netmiko_takes_choose_it(sshd: Sshd, log_in: LogIn, told: Callable[[], str]) -> None:
    log_in(keepalive=30, session_log=None)
    assert told() == "netmiko (only Netmiko takes keepalive, session_log of its extras)"
    for backend in ("libssh", "libssh2"):
        with pytest.raises(InputError, match=f"{backend} takes no keepalive; leave it out, or leave out backend"):
            ShellPlugin().open(**sshd.options(keepalive=30, backend=backend))


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Sshd]:
    """Yield an sshd that offers only a cipher that the libraries in C do not take."""
    with Sshd(tmp_path / "old", settings={"Ciphers": "aes256-cbc"}) as running:
        yield running


def open_on(sshd: Sshd, **extras: Any) -> bytes:
    plugin = ShellPlugin()
    plugin.open(**sshd.options(**extras))
    try:
        return plugin.connection.run("echo in", 30).stdout
    finally:
        plugin.close()


def test_a_host_whose_algorithms_a_library_lacks_is_reached_by_another(old: Sshd, told: Callable[[], str]) -> None:
    assert open_on(old) == b"in\n"
    lacks = "lacks an algorithm that the host offers"
    assert told() == f"netmiko (libssh {lacks})"
    with pytest.raises(HostError, match=r"no common algorithm: .* leave out backend: libssh2"):
        open_on(old, backend="libssh2")


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_certificate_beside_the_key_logs_in(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keypair(tmp_path / "ca")
    keypair(tmp_path / "key", kind)
    sign = ["ssh-keygen", "-q", "-s", str(tmp_path / "ca"), "-I", "me", "-n", "root", str(tmp_path / "key.pub")]
    subprocess.run(sign, check=True)
    with Sshd(tmp_path / "sshd", settings={"TrustedUserCAKeys": str(tmp_path / "ca.pub")}) as sshd:
        for first in range(len(backends.BACKENDS)):
            monkeypatch.setattr(backends, "CHOICES", backends.BACKENDS[first:])
            assert open_on(sshd, key_file=str(tmp_path / "key")) == b"in\n"


@pytest.mark.parametrize(
    ("backend", "settings"),
    [
        ("libssh", {"Ciphers": "aes128-gcm@openssh.com,aes256-gcm@openssh.com"}),
        ("libssh2", {"Ciphers": "aes128-gcm@openssh.com,chacha20-poly1305@openssh.com"}),
        ("libssh2", {"Ciphers": "aes256-ctr", "MACs": "hmac-sha2-256-etm@openssh.com"}),
    ],
)
def test_an_algorithm_in_which_a_library_has_a_known_flaw_is_not_used(
    tmp_path: Path, backend: str, settings: dict[str, str], told: Callable[[], str]
) -> None:
    with Sshd(tmp_path / "sshd", settings=settings) as sshd:
        with pytest.raises(HostError, match="no common algorithm"):
            open_on(sshd, backend=backend)
        assert open_on(sshd) == b"in\n"
    assert told().startswith("netmiko" if backend == "libssh" else "libssh ")


def test_a_refused_login_is_not_tried_by_another_library(sshd: Sshd, tmp_path: Path) -> None:
    keypair(tmp_path / "stranger")
    before = (sshd.directory / "log").read_text().count("Connection ")
    with pytest.raises(HostError, match="the host refused this user or key"):
        open_on(sshd, key_file=str(tmp_path / "stranger"))
    assert (sshd.directory / "log").read_text().count("Connection ") <= before + 2
