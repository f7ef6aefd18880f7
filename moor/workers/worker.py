"""What runs on a Dask worker: the site is opened here for each controller, and its hosts are held here."""

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
from nornir.plugins.runners import ThreadedRunner

from moor.context import adopt_context
from moor.errors import MoorError, OrderCancelled
from moor.processors import QuietProcessor
from moor.progress import send_progress_to
from moor.secrets.masking import MaskingFilter
from moor.sites.opening import open_site
from moor.workers.orders import Order, pack_answer, resume_observation
from moor.workers.same_code import WorkerRequirements, unfit_reason
from moor.workers.session import WorkerSession, end_with_task

Send = Callable[..., None]


def begin_session(wanted: WorkerRequirements, dry_run: bool) -> WorkerSession | str:
    """Open the controller's site on this worker; a text says why this worker is not fit for it."""
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
    """Return the session's token, or what is wrong with this worker."""
    return ("", session) if isinstance(session, str) else (session.token, "")


def _keep_logs_clean() -> None:
    """Have no secret in this worker's log: Nornir logs the traceback of a task that failed."""
    logger = logging.getLogger("nornir")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.addFilter(MaskingFilter())
        logger.addHandler(handler)
        logger.propagate = False


class ResultSender(QuietProcessor):
    """Nornir processor that tells a controller what happens on this worker, host by host."""

    def __init__(self, session: WorkerSession, number: int, tell: Send, wanted: Callable[[], bool]) -> None:
        self._session, self._number, self._tell, self._wanted = session, number, tell, wanted
        self._here = threading.local()

    def task_instance_started(self, task: Task, host: Host) -> None:
        """Tell it, unless nobody waits any more: then the host is left as it is."""
        if not self._wanted():
            raise OrderCancelled
        self._session.enter(host.name, self._number)
        self._here.busy = True
        self._tell("started", host.name)

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        """Tell the results."""
        self._here.busy = False
        written = _written(host, result)  # it says which connections are open
        self._session.leave(host.name)
        self._tell("completed", host.name, written)

    def progress(self, line: str) -> None:
        """Tell a line of progress of this order's hosts, not of another's that run here too."""
        if getattr(self._here, "busy", False):
            self._tell("progress", line)


def _written(host: Host, results: MultiResult) -> bytes:
    try:
        return pack_answer(host, results)
    except Exception as error:  # whatever a site's own task gives as a result
        failed = MultiResult(results.name)
        words = f"its result cannot be sent from a worker to the controller: {error}"
        failed.append(Result(host, words, failed=True, exception=MoorError(words)))
        return pack_answer(host, failed)


def close_connections(session: WorkerSession, names: tuple[str, ...]) -> None:
    """Close connections that the controller needs no more, unless a later task is at the host already."""
    for name in names:
        session.close(name)


def end_session(session: WorkerSession) -> None:
    """Close all that the session holds; the controller leaves."""
    session.end()


def run_order(session: WorkerSession, raw: bytes) -> bool:
    """Run an order on this worker's hosts, telling each result as it comes; False where another session was meant."""
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
    ThreadedRunner(order.at_once).run(task, hosts)
