"""The Nornir runner ``loop``: a loop asks what tasks announce, and threads do the rest.

Nothing waits for a thread that need not: where a plan knows everything about a host, its task runs right here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from nornir.core.inventory import Host
from nornir.core.plugins.runners import RunnersPluginRegister
from nornir.core.task import AggregatedResult, MultiResult, Task

from moor.connections.names import SHELL
from moor.connections.ssh.loop import Outcome
from moor.engine.asking import is_asking
from moor.engine.known import is_known
from moor.runner.admission import Window
from moor.runner.capacity import Capacity, find_capacity
from moor.runner.reading import FIRST, MOST, Reading, connecting_to
from moor.settings.runner import SHIPPED

THREADS = 20  # unless told otherwise, as many as Nornir's own runner has
CLOSING = "close_connections_task"  # Nornir's own task, the last one of every run
WAITED_S = 0.05  # a task that was to wait for nothing and waited so long leaves the next hosts to threads


class LoopRunner:
    """A Nornir runner; ``num_workers`` is how many hosts are worked on at once, None to find that out."""

    def __init__(self, num_workers: int | None = None) -> None:
        self.num_workers = num_workers

    def run(self, task: Task, hosts: list[Host]) -> AggregatedResult:
        """Run the task on every host; raise afterwards what a processor raised for the first of them."""
        outcomes = HostRuns(task, hosts, self.num_workers).outcomes()
        result = AggregatedResult(task.name)
        result.update({host.name: outcomes[host.name].take() for host in hosts})
        return result


class HostRuns:
    """One task's run on some hosts: by the loop, by threads, or right here."""

    def __init__(self, task: Task, hosts: Sequence[Host], num_workers: int | None) -> None:
        self._task, self._told, self._hosts = task, num_workers, hosts
        self._found: dict[str, Outcome[MultiResult]] = {}
        self._room = Capacity(0, 0)
        self._is_tight = False

    def outcomes(self) -> dict[str, Outcome[MultiResult]]:
        """Run the task on all hosts, and return how that ended, by host."""
        by_loop = {
            host.name: found
            for host in (self._hosts if is_asking(self._task) else ())
            if (found := connecting_to(host))
        }
        here, by_thread = list[Host](), list[Host]()
        for host in self._hosts:
            if host.name not in by_loop:
                (here if self._told == 1 or self._waits_for_nothing(host) else by_thread).append(host)
        if by_loop or by_thread:
            self._look_for_room()
        with ThreadPoolExecutor(self._told or THREADS) as pool:  # has no thread before the first host that needs one
            for host in by_thread:
                pool.submit(self._start, host)
            self._run_here(here, pool)
            if by_loop:
                reading = Reading(self._task, list(by_loop.values()), self._window(), self._let_go)
                reading.run()
                self._found.update(reading.outcomes)
        return self._found

    def _waits_for_nothing(self, host: Host) -> bool:
        return is_known(self._task, host) or (self._task.name == CLOSING and not host.connections)

    def _look_for_room(self) -> None:
        wanted = sum(SHELL not in host.connections for host in self._hosts)
        self._room = find_capacity(wanted, bool(self._task.nornir.config.ssh.config_file))
        self._is_tight = self._room.descriptors < wanted

    def _window(self) -> Window:
        if self._told:
            return Window(min(self._told, self._room.descriptors), self._told)
        most = min(MOST, self._room.descriptors, self._room.memory)
        return Window(min(FIRST, most), most)

    def _run_here(self, hosts: Sequence[Host], pool: ThreadPoolExecutor) -> None:
        """Run the task in this thread; one that waits after all is left to threads from the next host on."""
        waits = False
        for host in hosts:
            if waits:
                pool.submit(self._start, host)
                continue
            wall, cpu = time.monotonic(), time.thread_time()
            self._start(host)
            waited_s = time.monotonic() - wall - (time.thread_time() - cpu)
            waits = waited_s > WAITED_S and self._told != 1

    def _start(self, host: Host) -> None:
        """Run the task on a host as Nornir's own runners do."""
        try:
            outcome = Outcome(self._task.copy().start(host))
        except Exception as error:  # of a processor; the other hosts go on
            outcome = Outcome(error=error)
        self._let_go(host)
        self._found[host.name] = outcome

    def _let_go(self, host: Host) -> None:
        """Close the host's connection if the descriptors do not suffice for one of every host."""
        if self._is_tight and SHELL in host.connections:
            host.close_connection(SHELL)


def register_runner() -> None:
    """Register this runner with Nornir, since a site uses it unless its config.yaml names another."""
    RunnersPluginRegister.register(SHIPPED, LoopRunner)
