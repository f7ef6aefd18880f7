"""The asking of many hosts by one loop: logins as the admission has them begin, scripts, and tasks over answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from nornir.core.configuration import Config
from nornir.core.inventory import ConnectionOptions, Host
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.core.task import MultiResult, Task

from moor.connections.names import SHELL, connection_of
from moor.connections.ssh.failures import lacks_descriptors
from moor.connections.ssh.loop import Loop, Outcome
from moor.connections.ssh.steps import Steps
from moor.connections.ssh.way import is_address, plain_way, way_steps
from moor.errors import LoginRefused
from moor.runner.admission import Admission, Window
from moor.runner.host_turn import HostTurn

SSH_PORT = 22
FIRST, MOST = 48, 512  # hosts at once: at the start, and at most; more of them would wait for this process
FIRST_OF_WAY = 10  # logins at once by one way, at the start: sshd's own MaxStartups begins to refuse there
PATIENCE_S = 8.0  # how long the pauses before a host's further attempts are in all, at most


class AskedAgainError(Exception):
    """The host's attempt is over, and the admission will let it begin another."""


@dataclass(frozen=True)
class Connecting:
    """How a host is asked: over the connection that ``plugin`` has or will open, with Nornir's parameters for that."""

    host: Host
    plugin: Any
    parameters: ConnectionOptions | None = None


def connecting_to(host: Host) -> Connecting | None:
    """Return how a loop can ask the host; None if its connection, open or yet to be opened, has no steps."""
    if connection_of(host) != SHELL:
        return None
    if (plugin := host.connections.get(SHELL)) is not None:
        shell = getattr(plugin, "connection", None)
        return Connecting(host, plugin) if hasattr(shell, "run_steps") and not getattr(shell, "BLOCKS", False) else None
    plugin = ConnectionPluginRegister.get_plugin(SHELL)()
    if not hasattr(plugin, "takes_steps"):
        return None
    parameters = host.get_connection_parameters(SHELL)
    return Connecting(host, plugin, parameters) if plugin.takes_steps(parameters.extras or {}) else None


class Reading:
    """A task's run on many hosts in the calling thread.

    Attributes:
        outcomes: how the task ended, by host; an exception is one that a processor raised.
    """

    def __init__(
        self,
        task: Task,
        hosts: Sequence[Connecting],
        window: Window,
        let_go: Callable[[Host], None],
    ) -> None:
        """Prepare the run.

        Args:
            hosts: those that are asked, and how.
            window: how many hosts are asked at once.
            let_go: is called with each host whose task has ended.
        """
        self._let_go = let_go
        self._config: Config = task.nornir.config
        self._hosts = {one.host.name: one for one in hosts}
        self._turns = {one.host.name: HostTurn(task, one.host) for one in hosts}
        self._admission = Admission(window, partial(Window, FIRST_OF_WAY, MOST), PATIENCE_S)
        self._unsure: set[str] = set()  # hosts whose way may be that of others
        self._has_refused = False
        self._loop = Loop()
        self.outcomes: dict[str, Outcome[MultiResult]] = {}

    def run(self) -> None:
        """Ask all hosts."""
        for name in self._hosts:
            self._admission.add(name, self._way(name))
        with self._loop:
            self._loop.run(self._admit)

    def _way(self, name: str) -> str:
        """Return the way of the host's login as far as it is known without a look-up; empty if it is logged in."""
        found = self._hosts[name].parameters
        if found is None:
            return ""
        if self._config.ssh.config_file or not is_address(found.hostname or ""):
            self._unsure.add(name)
        return plain_way(found.hostname or "", found.port or SSH_PORT)

    def _admit(self, now: float) -> float:
        name = self._admission.next(now)
        if name is None:
            return self._admission.due()
        self._loop.start(self._attempt_steps(self._turns[name]), partial(self._end, name))
        return now

    def _end(self, name: str, outcome: Outcome[MultiResult]) -> None:
        if isinstance(outcome.error, AskedAgainError):
            return
        self._admission.done(name)
        self.outcomes[name] = outcome
        self._let_go(self._turns.pop(name).host)

    def _attempt_steps(self, turn: HostTurn) -> Steps[MultiResult]:
        turn.begin()
        while question := turn.question:
            try:
                shell = yield from self._shell_steps(turn.host)
                answer = yield from shell.run_steps(question.script, question.timeout_s, **question.user)
            except AskedAgainError:
                raise
            except Exception as error:  # the task decides what it means
                turn.fail(error)
            else:
                self._admission.logged_in(turn.host.name)  # if it was already
                turn.answer(answer)
        return turn.finish()

    def _shell_steps(self, host: Host) -> Steps[Any]:
        """Return the host's open connection; log in for the first, as ``Host.open_connection`` would."""
        plugin, found = self._hosts[host.name].plugin, self._hosts[host.name].parameters
        if SHELL not in host.connections and found:
            if self._has_refused and host.name in self._unsure:
                yield from self._locate_steps(host.name, found)
            with self._judging(host.name):
                yield from plugin.open_steps(found, self._config)
            host.connections[SHELL] = plugin
        return plugin.connection

    @contextmanager
    def _judging(self, name: str) -> Iterator[None]:
        """Tell the admission how a login ended; raise AskedAgainError if there is to be another."""
        try:
            yield
        except LoginRefused as error:
            self._has_refused = True
            if self._admission.refused(name, time.monotonic()):
                raise AskedAgainError from error
            raise
        except Exception as error:
            if lacks_descriptors(error) and self._admission.lacked(name, time.monotonic()):
                raise AskedAgainError from error
            raise
        self._admission.logged_in(name)

    def _locate_steps(self, name: str, found: ConnectionOptions) -> Steps[None]:
        """Find out which other hosts share the way, since one of them was refused."""
        way = yield from way_steps(
            found.hostname or "", found.port or SSH_PORT, found.username or "", self._config.ssh.config_file or None
        )
        self._unsure.discard(name)
        if not self._admission.goes_on(name, way):
            raise AskedAgainError
