"""One task on its way over the workers: which host is where, what came back, what has to be done again."""

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

LOSSES = 3  # workers that one host may cost
ERROR_S = 10  # how long an error may take on its way
NO_WORKER_S = 30.0  # how long to wait for a worker where there is none
LOGGER = logging.getLogger("nornir.core.task")
_numbers = count(1)


def assign_hosts(names: Iterable[str], homes: Mapping[str, str], workers: Sequence[str]) -> dict[str, list[str]]:
    """Part hosts over workers: each where it was, as its connection is there, the others where fewest are."""
    parts: dict[str, list[str]] = {worker: [] for worker in workers}
    homeless: list[str] = []
    for name in names:
        parts.get(homes.get(name, ""), homeless).append(name)
    for name in homeless:
        min(parts.values(), key=len).append(name)
    return {worker: part for worker, part in parts.items() if part}


@dataclass
class SentOrder:
    """Some hosts that a worker has been given; ``ended`` once its order is over, whatever became of them."""

    worker: str
    token: str
    hosts: frozenset[str]
    future: Future[bool]
    ended: bool = False


class Dispatch:
    """Carries one task out."""

    def __init__(self, workers: WorkerPool, task: Task, hosts: Sequence[Host]) -> None:
        self._workers, self._task = workers, task
        self._cluster, self._homes, self._halt = workers.cluster, workers.homes, workers.halt
        self._hosts = {host.name: host for host in hosts}
        self._left = dict(self._hosts)
        self._copies: dict[str, Task] = {}  # of hosts that have begun
        self._shards: dict[int, SentOrder] = {}
        self._losses: Counter[str] = Counter()
        self._released: list[str] = []  # hosts whose connection is not needed any more
        self._alone_since = 0.0

    def run(self) -> AggregatedResult:
        """Return the results of all hosts, each once, whatever becomes of workers."""
        while self._left:
            with self._halt.turn:
                if not self._halt.halted:  # else what was begun is listened to until the process ends
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
        """Have workers begin nothing more; return the hosts at which the task is under way, with its name.

        A host of a worker that does not answer in time counts as one: the task may have begun there.
        """
        begun = self._cluster.ask(halt_session, HALT_S) if self._halt.say() else {}
        assign_hosts, left = dict(self._shards), dict(self._left)
        given = {name: number for number, shard in assign_hosts.items() for name in shard.hosts if name in left}
        workers = {name: assign_hosts[number].worker for name, number in given.items()}
        return {
            name: self._task.name
            for name, number in given.items()
            if begun.get(workers[name], {name: number}).get(name) == number
        }

    def _let_go(self) -> None:
        """Have workers close what a processor has closed here."""
        fit = self._cluster.fit
        for worker, names in assign_hosts(self._released, self._homes, sorted(fit)).items() if fit else ():
            self._cluster.leave_to(worker, close_connections, tuple(names))
        self._released.clear()

    def _give(self) -> None:
        """Send out the hosts that no worker has."""
        given = {name for shard in self._shards.values() for name in shard.hosts}
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
        except Exception as error:  # whatever a site's own task is made of
            raise MoorError(f"{task.name}: this task cannot be sent to a worker: {error}") from error
        self._homes.update(dict.fromkeys(names, worker))
        self._shards[number] = SentOrder(worker, token, frozenset(names), self._cluster.order(worker, run_order, raw))

    def _take(self, number: int, kind: str, words: Sequence[Any]) -> None:
        """Take what a worker tells; a worker that was given up is not listened to any more."""
        shard = self._shards.get(number)
        if kind == "progress":
            PROGRESS.info("%s", words[0])
        elif shard and words[0] in self._left:
            host = self._hosts[words[0]]
            self._begin(host)
            if kind == "completed":
                self._complete(host, unpack_answer(words[1], host))

    def _begin(self, host: Host) -> None:
        """Tell the processors, once, however often a worker begins."""
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
        """Take hosts from workers that are gone, or that ended without telling of them."""
        for number, shard in list(self._shards.items()):
            missing = [name for name in shard.hosts if name in self._left]
            gone = self._cluster.fit.get(shard.worker) != shard.token
            if not missing:
                del self._shards[number]
            elif gone or shard.ended:
                self._lose(number, shard, missing)
            else:
                shard.ended = shard.future.done()  # what it told before is heard in between

    def _lose(self, number: int, shard: SentOrder, missing: list[str]) -> None:
        """Let the hosts go to other workers, unless the task is at fault, or a host that costs worker after worker."""
        del self._shards[number]
        if shard.future.status == "error":
            error = shard.future.exception(timeout=ERROR_S)
            self._give_up(missing, f"worker {shard.worker} could not run this task: {error}")
            return
        if shard.ended:
            self._cluster.expel(shard.worker)  # it was started anew, and has another session
        begun = [name for name in missing if name in self._copies]
        PROGRESS.info("%s", f"worker {shard.worker} was lost; {len(missing)} hosts go to others")
        self._losses.update(begun)
        if cursed := [name for name in begun if self._losses[name] >= LOSSES]:
            self._give_up(cursed, f"{LOSSES} workers were lost while they were at this host; see their logs")

    def _give_up(self, names: Iterable[str], why: str) -> None:
        for name in names:
            host = self._hosts[name]
            self._begin(host)
            failed = MultiResult(self._task.name)
            failed.append(
                Result(host, why, failed=True, exception=HostError(why, ErrorKind.LOST), severity_level=logging.ERROR)
            )
            failed[0].name = self._task.name  # type: ignore[assignment]  # Nornir annotates it as None
            self._complete(host, WorkerAnswer(failed))
