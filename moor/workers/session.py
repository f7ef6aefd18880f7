"""What a Dask worker holds for one controller, from the first order until nobody wants it any more.

A session is the result of a Dask task. Dask drops that result when its controller has left, however that came about,
and tells the worker's plugins so: that ends the session. Whoever still holds the object (a traceback, a task of a site,
garbage that was not collected yet) keeps no connection open by that.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from typing import Any, NoReturn

from distributed.diagnostics.plugin import WorkerPlugin
from nornir.core import Nornir

from moor.errors import OrderCancelled

NAME = "moor-sessions"  # of the plugin on a worker
OVER = ("released", "forgotten", "error")  # states of a task whose result nobody can have any more
WATCH_S = 30  # how long the worker's loop may take to add the plugin


class WorkerSession:
    """One controller on this worker; ``token`` names it."""

    def __init__(self, nr: Nornir) -> None:
        self.nr, self.token = nr, secrets.token_hex(8)
        self.begun: dict[str, int] = {}  # host to the number of the last order that began there
        self._busy: set[str] = set()  # hosts that a task is at
        self._closing: set[str] = set()
        self._over = False
        self._turn = threading.Condition()

    def __reduce__(self) -> NoReturn:
        raise TypeError("a session stays on its worker")

    def enter(self, name: str, number: int) -> None:
        """Note that an order begins at a host; raises OrderCancelled once the session is over."""
        with self._turn:
            self._turn.wait_for(lambda: name not in self._closing)
            if self._over:
                raise OrderCancelled
            self._busy.add(name)
            self.begun[name] = number

    def leave(self, name: str) -> None:
        """Note that an order has ended at a host."""
        with self._turn:
            self._busy.discard(name)
        if self._over:
            self.close(name)

    def close(self, name: str) -> None:
        """Close the connections to a host, unless a task is at it."""
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
        """Begin nothing more, and return what was begun: per host the number of the last order."""
        with self._turn:
            self._over = True
            return dict(self.begun)

    def end(self) -> None:
        """Begin nothing more and close all connections; a host that a task is at follows when the task has ended."""
        self.halt()
        for name, host in self.nr.inventory.hosts.items():
            if host.connections:
                self.close(name)


class WorkerWatch(WorkerPlugin):
    """The sessions of a worker, by the keys of the Dask tasks whose results they are."""

    def __init__(self) -> None:
        self._sessions: dict[Any, WorkerSession] = {}

    def add(self, key: Any, session: WorkerSession) -> None:
        """End ``session`` once Dask lets go of the task ``key``."""
        self._sessions[key] = session

    def called(self, token: str) -> WorkerSession | None:
        """Return the session that a token names, while it is wanted."""
        return next((session for session in list(self._sessions.values()) if session.token == token), None)

    def transition(self, key: Any, start: Any, finish: Any, **kwargs: Any) -> None:
        """End the session of a task that is over, in a thread of its own, since this is the worker's event loop."""
        if finish in OVER and (session := self._sessions.pop(key, None)):
            threading.Thread(target=session.end, daemon=True).start()


_watch = WorkerWatch()
_adding = threading.Lock()


def end_with_task(worker: Any, session: WorkerSession) -> WorkerSession:
    """Have the session end when the Dask task that runs here now, whose result it becomes, is over."""
    with _adding:
        if NAME not in worker.plugins:
            adding = worker.plugin_add(_watch, name=NAME, catch_errors=False)
            asyncio.run_coroutine_threadsafe(adding, worker.loop.asyncio_loop).result(WATCH_S)
    _watch.add(worker.get_current_task(), session)
    return session


def halt_session(token: str) -> dict[str, int]:
    """Have a session of this worker begin nothing more, and return what it has begun; see ``Session.halt``."""
    session = _watch.called(token)
    return session.halt() if session else {}
