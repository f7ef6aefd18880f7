"""Fleets whose hosts are names of one sshd, or sockets that misbehave, and tasks that ask them something."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from nornir.core import Nornir
from nornir.core.configuration import Config, SSHConfig
from nornir.core.inventory import ConnectionOptions, Defaults, Groups, Host, Hosts, Inventory
from nornir.core.plugins.runners import RunnerPlugin
from nornir.core.state import GlobalState
from nornir.core.task import AggregatedResult, MultiResult, Result, Task

from moor.engine.asking import Asking, Question, asks
from moor.processors import QuietProcessor
from moor.runner.loop_runner import LoopRunner
from moor.sites.plugins import register_connections
from tests.harness.sshd import Sshd

ASK_S = 60


def names(count: int) -> list[str]:
    return [f"host{number:03}" for number in range(count)]


def nornir_over(
    sshd: Sshd,
    hosts: Iterable[str],
    runner: RunnerPlugin | None = None,
    *,
    backend: str = "libssh",
    elsewhere: Mapping[str, int] | None = None,
    config_file: str | None = None,
    **extras: Any,
) -> Nornir:
    """Return Nornir over hosts that are all one sshd, except those at another port (``elsewhere``)."""
    register_connections()
    options = sshd.options(backend=backend, **extras)
    ports = {**dict.fromkeys(hosts, sshd.port), **(elsewhere or {})}
    made = {
        name: Host(
            name,
            hostname="127.0.0.1",
            port=port,
            username=options["username"],
            connection_options={"shell": ConnectionOptions(extras=dict(options["extras"]))},
            defaults=Defaults(),
        )
        for name, port in ports.items()
    }
    inventory = Inventory(Hosts(made), Groups(), Defaults())
    return Nornir(
        inventory,
        runner=runner or LoopRunner(),
        config=Config(ssh=SSHConfig(config_file=config_file)),
        data=GlobalState(dry_run=True),
    )


@asks
def say(task: Task, script: str = 'echo "$0"', timeout_s: float = ASK_S) -> Asking[Result]:
    """Run a script, and return what it printed."""
    answer = yield Question(script, timeout_s)
    return Result(host=task.host, result=answer.stdout.decode())


@asks
def say_twice(task: Task) -> Asking[Result]:
    """Ask a second question by the answer to the first."""
    first = yield Question("echo one", ASK_S)
    second = yield Question(f"echo {first.stdout.decode().strip()} and two", ASK_S)
    return Result(host=task.host, result=second.stdout.decode())


@dataclass
class Noted(QuietProcessor):
    """A processor that notes what happens, in order; ``fails_at`` is where it raises."""

    events: list[tuple[str, str]] = field(default_factory=list)
    fails_at: tuple[str, str] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, *event: str) -> None:
        with self._lock:
            self.events.append(event)  # type: ignore[arg-type]
        if event == self.fails_at:
            raise RuntimeError(f"the processor fails at {' '.join(event)}")

    def task_started(self, task: Task) -> None:
        self.note("task", "started")

    def task_completed(self, task: Task, result: AggregatedResult) -> None:
        self.note("task", "completed")

    def task_instance_started(self, task: Task, host: Host) -> None:
        self.note("started", host.name)

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        self.note("failed" if result.failed else "completed", host.name)

    def ended(self) -> list[str]:
        """Return the hosts whose task has ended, in that order."""
        return [name for what, name in self.events if what in ("completed", "failed")]


@contextmanager
def peer(behave: Callable[[socket.socket], None]) -> Iterator[int]:
    """Accept connections on a port of loopback, and treat each in a thread as ``behave`` does, until the block ends."""
    server = socket.create_server(("127.0.0.1", 0), backlog=128)
    opened: list[socket.socket] = []

    def treat(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            behave(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                opened.append(connection)
                threading.Thread(target=treat, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield int(server.getsockname()[1])
    finally:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()
        for connection in opened:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def until_closed(connection: socket.socket) -> None:
    """Read until the other side closes."""
    while connection.recv(4096):
        pass
