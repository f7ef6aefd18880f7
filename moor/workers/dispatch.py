"""The dispatch of one task to workers: who runs which host, which results arrived, what has to be sent again."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
from distributed import Future
from nornir.core.inventory import Host
from nornir.core.task import AggregatedResult, MultiResult, Result, Task

from moor.context import context_of
from moor.errors import ErrorKind, HostError, MoorError
from moor.progress import LOGGER as PROGRESS
from moor.workers.availability import HALT_S, WorkerPool
from moor.workers.orders import Order, WorkerAnswer, observation_state_of, take_answer, unpack_answer
from moor.workers.remote_connections import show_connections
from moor.workers.session import halt_session
from moor.workers.worker import close_connections, run_order

LOSSES = 3  # how many lost workers a host may be on before it is given up
ERROR_S = 10  # timeout for fetching an order's error
NO_WORKER_S = 30.0  # how long to wait for a worker if none is left
LOGGER = logging.getLogger("nornir.core.task")
_numbers = count(1)


def assign_hosts(names: Iterable[str], homes: Mapping[str, str], workers: Sequence[str]) -> dict[str, list[str]]:
    """Assign hosts to workers: each to the worker that holds its connection, the others to the least loaded."""
    parts: dict[str, list[str]] = {worker: [] for worker in workers}
    homeless: list[str] = []
    for name in names:
        parts.get(homes.get(name, ""), homeless).append(name)
    for name in homeless:
        min(parts.values(), key=len).append(name)
    return {worker: part for worker, part in parts.items() if part}


@dataclass
class SentOrder:
    """An order that was sent to a worker; ``ended`` once Dask says that it is over, with or without results."""

    worker: str
    token: str
    hosts: frozenset[str]
    future: Future[bool]
    ended: bool = False


class Dispatch:
    """The dispatch of one task to the workers."""

    def __init__(self, workers: WorkerPool, task: Task, hosts: Sequence[Host]) -> None:
        self._workers, self._task = workers, task
        self._cluster, self._homes, self._halt = workers.cluster, workers.homes, workers.halt
        self._hosts = {host.name: host for host in hosts}
        self._left = dict(self._hosts)
        self._copies: dict[str, Task] = {}  # by host, for hosts that have begun
        self._sent_orders: dict[int, SentOrder] = {}
        self._losses: Counter[str] = Counter()
        self._released: list[str] = []  # hosts whose connections can be closed
        self._alone_since = 0.0

    def run(self) -> AggregatedResult:
        """Run the task and return one result for each host, even if workers are lost."""
        while self._left:
            with self._halt.turn:
                if not self._halt.halted:  # else only collect results until the process ends
                    self._cluster.look()
                    self._take_back()
                    self._give()
                    self._let_go()
            for number, kind, *words in self._cluster.heard():
                self._take(number, kind, words)
        with self._halt.turn:
            self._let_go()
        result = AggregatedResult(self._task.name)
        result.update({name: self._copies[name].results for name in self._hosts})
        return result

    def halt(self) -> dict[str, str]:
        """Stop dispatching; return the hosts on which the task is running, with its name.

        The hosts of a worker that does not answer in time are included, since the task may have begun there.
        """
        begun = self._cluster.ask(halt_session, HALT_S) if self._halt.say() else {}
        orders, left = dict(self._sent_orders), dict(self._left)
        given = {name: number for number, sent in orders.items() for name in sent.hosts if name in left}
        workers = {name: orders[number].worker for name, number in given.items()}
        return {
            name: self._task.name
            for name, number in given.items()
            if begun.get(workers[name], {name: number}).get(name) == number
        }

    def _let_go(self) -> None:
        """Have workers close the connections that a processor has closed on the controller."""
        fit = self._cluster.fit
        for worker, names in assign_hosts(self._released, self._homes, sorted(fit)).items() if fit else ():
            self._cluster.leave_to(worker, close_connections, tuple(names))
        self._released.clear()

    def _give(self) -> None:
        """Send the hosts that no worker has to workers."""
        given = {name for sent in self._sent_orders.values() for name in sent.hosts}
        free = [name for name in self._left if name not in given]
        if not free:
            return
        if not self._cluster.fit:
            self._wait_for_workers(free)
            return
        self._alone_since = 0.0
        for worker, names in assign_hosts(free, self._homes, sorted(self._cluster.fit)).items():
            self._send(worker, names)

    def _wait_for_workers(self, names: list[str]) -> None:
        self._alone_since = self._alone_since or time.monotonic()
        if self._cluster.lost:
            self._give_up(names, f"the scheduler {self._cluster.address} was lost; start it, and run again")
        elif time.monotonic() - self._alone_since > NO_WORKER_S:
            self._give_up(names, f"no worker is left at {self._cluster.address}; start some, and run again")

    def _send(self, worker: str, names: list[str]) -> None:
        number, token = next(_numbers), self._cluster.fit[worker]
        task = self._task
        order = Order(
            number,
            token,
            self._cluster.topic,
            task.task,
            task.name,
            task.severity_level,
            task.params,
            task.global_dry_run,
            self._workers.at_once,
            {name: observation_state_of(self._hosts[name]) for name in names},
            context_of(task).to_send(),
            frozenset(task.nornir.data.failed_hosts),
        )
        try:
            raw: bytes = cloudpickle.dumps(order)
        except Exception as error:  # a site's own task may contain anything
            raise MoorError(f"{task.name}: this task cannot be sent to a worker: {error}") from error
        self._homes.update(dict.fromkeys(names, worker))
        self._sent_orders[number] = SentOrder(
            worker, token, frozenset(names), self._cluster.order(worker, run_order, raw)
        )

    def _take(self, number: int, kind: str, words: Sequence[Any]) -> None:
        """Handle a worker's message; ignore one from a worker that was given up."""
        sent = self._sent_orders.get(number)
        if kind == "progress":
            PROGRESS.info("%s", words[0])
        elif sent and words[0] in self._left:
            host = self._hosts[words[0]]
            self._begin(host)
            if kind == "completed":
                self._complete(host, unpack_answer(words[1], host))

    def _begin(self, host: Host) -> None:
        """Notify the processors that a host has begun, once even if another worker begins again."""
        if host.name not in self._copies:
            self._copies[host.name] = copy = self._task.copy()
            copy.host = host
            copy.processors.task_instance_started(copy, host)

    def _complete(self, host: Host, answer: WorkerAnswer) -> None:
        copy = self._copies[host.name]
        copy.results.extend(answer.results)
        show_connections(host, answer.connections, self._released.append)
        take_answer(host, answer)
        if answer.results.failed:
            LOGGER.error(
                "Host %r: task %r failed on %s:\n%s",
                host.name,
                copy.name,
                self._homes.get(host.name),
                answer.results[0].result,
            )
        del self._left[host.name]
        copy.processors.task_instance_completed(copy, host, copy.results)

    def _take_back(self) -> None:
        """Take hosts back from workers that are gone, or whose order ended without a result for them."""
        for number, sent in list(self._sent_orders.items()):
            missing = [name for name in sent.hosts if name in self._left]
            gone = self._cluster.fit.get(sent.worker) != sent.token
            if not missing:
                del self._sent_orders[number]
            elif gone or sent.ended:
                self._lose(number, sent, missing)
            else:
                sent.ended = sent.future.done()  # messages sent before are read in between

    def _lose(self, number: int, sent: SentOrder, missing: list[str]) -> None:
        """Send the hosts to other workers, unless the task itself failed or a host has lost too many workers."""
        del self._sent_orders[number]
        if sent.future.status == "error":
            error = sent.future.exception(timeout=ERROR_S)
            self._give_up(missing, f"worker {sent.worker} could not run this task: {error}")
            return
        if sent.ended:
            self._cluster.expel(sent.worker)  # it was restarted and has another session
        begun = [name for name in missing if name in self._copies]
        PROGRESS.info("%s", f"worker {sent.worker} was lost; {len(missing)} hosts go to others")
        self._losses.update(begun)
        if given_up := [name for name in begun if self._losses[name] >= LOSSES]:
            self._give_up(given_up, f"{LOSSES} workers were lost while they were at this host; see their logs")

    def _give_up(self, names: Iterable[str], why: str) -> None:
        for name in names:
            host = self._hosts[name]
            self._begin(host)
            failed = MultiResult(self._task.name)
            failed.append(
                Result(host, why, failed=True, exception=HostError(why, ErrorKind.LOST), severity_level=logging.ERROR)
            )
            failed[0].name = self._task.name  # type: ignore[assignment]  # Nornir declares it as None
            self._complete(host, WorkerAnswer(failed))
