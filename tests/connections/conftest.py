"""One sshd for all tests of connections that only read; a test that cuts or stops it starts its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from moor.connections.ssh import backends
from moor.connections.ssh.backends import BACKENDS
from moor.connections.ssh.shell import Shell, ShellPlugin
from tests.harness.sshd import Sshd, User, installed

ALL = "ALL=(ALL:ALL) NOPASSWD: ALL"
NOISE = 'echo "welcome"; printf "no newline at its end"'
SHELLS = installed("bash", "dash", "rbash", "csh", "fish")

USERS = (
    User("ops", ALL),
    User("asked", "ALL=(ALL:ALL) ALL"),
    User("stranger"),
    User("limited", "ALL=(ALL) NOPASSWD: /bin/ls"),
    User("terminal", f"{ALL}\nDefaults:terminal requiretty"),
    User("noisy", ALL, profile=NOISE),
    User("nobodys", ALL, login="/usr/sbin/nologin"),
    User("shless", ALL, login="/etc/shless"),
    *(User(f"with{path.rpartition('/')[2]}", ALL, login=path, profile=NOISE) for path in SHELLS),
)


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have every session of the test use one of the libraries."""
    name: str = request.param
    monkeypatch.setattr(backends, "CHOICES", (name,))
    return name


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Yield an sshd with users of every kind."""
    with Sshd(tmp_path_factory.mktemp("sshd"), USERS) as running:
        yield running


@pytest.fixture
def log_in(sshd: Sshd) -> Iterator[Callable[..., Shell]]:
    """Log in as a user; the connection is closed after the test."""
    with ExitStack() as stack:

        def log_in(username: str = "root", **extras: Any) -> Shell:
            plugin = ShellPlugin()
            plugin.open(**sshd.options(username, **extras))
            stack.callback(plugin.close)
            return plugin.connection

        yield log_in
