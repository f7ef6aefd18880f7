"""The session of a controller on a Dask worker: the opened site and its connections.

A session is the result of a Dask task. Dask drops that result when the controller is gone, even after a crash, and
notifies the worker's plugins, which ends the session. Other references to the object, such as a traceback or a site's
own task, keep no connection open.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from typing import Any, NoReturn

from distributed.diagnostics.plugin import WorkerPlugin
from nornir.core import Nornir

from moor.errors import OrderCancelled

NAME = "moor-sessions"  # the name of the worker's plugin
OVER = ("released", "forgotten", "error")  # states of a Dask task whose result is gone
WATCH_S = 30  # timeout for the worker's event loop to add the plugin


class WorkerSession:
    """The session of one controller on this worker, identified by ``token``."""

    def __init__(self, nr: Nornir) -> None:
        self.nr, self.token = nr, secrets.token_hex(8)
        self.begun: dict[str, int] = {}  # by host, the number of the last order that began
        self._busy: set[str] = set()  # hosts on which a task is running
        self._closing: set[str] = set()
        self._over = False
        self._turn = threading.Condition()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a session stays on its worker")

    def enter(self, name: str, number: int) -> None:
        """Note that an order begins on a host; raise OrderCancelled if the session is over."""
        with self._turn:
            self._turn.wait_for(lambda: name not in self._closing)
            if self._over:
                raise OrderCancelled
            self._busy.add(name)
            self.begun[name] = number

    def leave(self, name: str) -> None:
        """Note that an order has ended on a host."""
        with self._turn:
            self._busy.discard(name)
        if self._over:
            self.close(name)

    def close(self, name: str) -> None:
        """Close the connections to a host, unless a task is running on it."""
        with self._turn:
            if name in self._busy or name in self._closing:
                return
            self._closing.add(name)
        try:
            self.nr.inventory.hosts[name].close_connections()
        finally:
            with self._turn:
                self._closing.discard(name)
                self._turn.notify_all()

    def halt(self) -> dict[str, int]:
        """Let no further order begin; return the number of the last order that began, by host."""
        with self._turn:
            self._over = True
            return dict(self.begun)

    def end(self) -> None:
        """Let no further order begin and close all connections; those in use are closed when their task ends."""
        self.halt()
        for name, host in self.nr.inventory.hosts.items():
            if host.connections:
                self.close(name)


class WorkerWatch(WorkerPlugin):
    """A Dask plugin that ends a worker's sessions when Dask drops the tasks whose results they are."""

    def __init__(self) -> None:
        self._sessions: dict[Any, WorkerSession] = {}

    def add(self, key: Any, session: WorkerSession) -> None:
        """End ``session`` when Dask drops the task ``key``."""
        self._sessions[key] = session

    def called(self, token: str) -> WorkerSession | None:
        """Return the session with this token; None if it has ended."""
        return next((session for session in list(self._sessions.values()) if session.token == token), None)

    def transition(self, key: Any, start: Any, finish: Any, **kwargs: Any) -> None:
        """End the session of a dropped task, in a new thread, since this runs in the worker's event loop."""
        if finish in OVER and (session := self._sessions.pop(key, None)):
            threading.Thread(target=session.end, daemon=True).start()


_watch = WorkerWatch()
_adding = threading.Lock()


def end_with_task(worker: Any, session: WorkerSession) -> WorkerSession:
    """Have the session end when Dask drops the current task, whose result it becomes."""
    with _adding:
        if NAME not in worker.plugins:
            adding = worker.plugin_add(_watch, name=NAME, catch_errors=False)
            asyncio.run_coroutine_threadsafe(adding, worker.loop.asyncio_loop).result(WATCH_S)
    _watch.add(worker.get_current_task(), session)
    return session


def halt_session(token: str) -> dict[str, int]:
    """Call ``WorkerSession.halt`` of the session with this token."""
    session = _watch.called(token)
    return session.halt() if session else {}
