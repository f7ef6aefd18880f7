"""The functions that run on a Dask worker: they open the controller's site and run its orders."""

from __future__ import annotations

import logging
import pickle
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.processor import Processors
from nornir.core.state import GlobalState
from nornir.core.task import MultiResult, Result, Task

from moor.context import adopt_context
from moor.errors import MoorError, OrderCancelled
from moor.processors import QuietProcessor
from moor.progress import send_progress_to
from moor.runner.loop_runner import LoopRunner
from moor.secrets.masking import MaskingFilter
from moor.sites.site import open_site
from moor.workers.orders import Order, pack_answer, resume_observation
from moor.workers.same_code import WorkerRequirements, unfit_reason
from moor.workers.session import WorkerSession, end_with_task

Send = Callable[..., None]


def begin_session(wanted: WorkerRequirements, dry_run: bool) -> WorkerSession | str:
    """Open the controller's site on this worker; return the session, or why this worker cannot serve it."""
    _keep_logs_clean()
    if trouble := unfit_reason(wanted):
        return trouble
    from distributed import get_worker

    try:
        nr = open_site(Path(wanted.site), dry_run)
    except MoorError as error:
        return str(error)
    return end_with_task(get_worker(), WorkerSession(nr))


def introduce_worker(session: WorkerSession | str) -> tuple[str, str]:
    """Return the session's token and an empty text, or an empty token and why this worker cannot serve."""
    return ("", session) if isinstance(session, str) else (session.token, "")


def _keep_logs_clean() -> None:
    """Mask secrets in this worker's log, since Nornir logs the traceback of a failed task."""
    logger = logging.getLogger("nornir")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(MaskingFilter())
        logger.addHandler(handler)
        logger.propagate = False


class ResultSender(QuietProcessor):
    """A Nornir processor that sends the start, the progress and the results of each host to the controller."""

    def __init__(self, session: WorkerSession, number: int, tell: Send, wanted: Callable[[], bool]) -> None:
        self._session, self._number, self._tell, self._wanted = session, number, tell, wanted
        self._here = threading.local()

    def task_instance_started(self, task: Task, host: Host) -> None:
        """Report the start; raise OrderCancelled, before anything is done, if the controller no longer waits."""
        if not self._wanted():
            raise OrderCancelled
        self._session.enter(host.name, self._number)
        self._here.busy = getattr(self._here, "busy", 0) + 1  # a loop has several hosts under way in one thread
        self._tell("started", host.name)

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Send the results."""
        self._here.busy -= 1
        written = _written(host, result)  # before leaving, since it lists the open connections
        self._session.leave(host.name)
        self._tell("completed", host.name, written)

    def progress(self, line: str) -> None:
        """Send a line of progress of this order's hosts; other orders may run on this worker too."""
        if getattr(self._here, "busy", 0):
            self._tell("progress", line)


def _written(host: Host, results: MultiResult) -> bytes:
    try:
        return pack_answer(host, results)
    except Exception as error:  # a site's own task may return anything
        failed = MultiResult(results.name)
        words = f"its result cannot be sent from a worker to the controller: {error}"
        failed.append(Result(host, words, failed=True, exception=MoorError(words)))
        return pack_answer(host, failed)


def close_connections(session: WorkerSession, names: tuple[str, ...]) -> None:
    """Close connections that the controller no longer needs, unless a later task is already running on the host."""
    for name in names:
        session.close(name)


def end_session(session: WorkerSession) -> None:
    """End the session, since the controller disconnects."""
    session.end()


def run_order(session: WorkerSession, raw: bytes) -> bool:
    """Run an order and send each result as it arrives; return False if the order is for another session."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()
    order: Order = pickle.loads(raw)  # noqa: S301  # of a controller that has a certificate, see SECURITY.md
    if order.token != session.token:
        return False

    def tell(*words: Any) -> None:
        worker.log_event(order.topic, [order.number, *words])

    def wanted() -> bool:
        state = worker.state.tasks.get(key)
        return state is not None and state.state != "cancelled"

    telling = ResultSender(session, order.number, tell, wanted)
    with send_progress_to(telling.progress), suppress(OrderCancelled):
        _run(session.nr, order, telling)
    return True


def _run(opened: Nornir, order: Order, telling: ResultSender) -> None:
    adopt_context(opened, order.context)
    state = GlobalState(order.dry_run, set(order.failed))
    nr = Nornir(opened.inventory, opened.config, state, runner=opened.runner)
    hosts = [nr.inventory.hosts[name] for name in order.hosts]
    for host in hosts:
        resume_observation(host, order.hosts[host.name])
    task = Task(order.task, nr, order.dry_run, Processors([telling]), order.name, order.severity, **dict(order.params))
    LoopRunner(order.at_once).run(task, hosts)
