"""The Nornir runner ``dask``, which runs the hosts of a task on the workers of a Dask scheduler.

A host stays on one worker for the whole run, since its connection and observation are there. Batches, and what a
failure means for later stages, are decided on the controller, as with any other runner.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import AggregatedResult, MultiResult, Result, Task

from moor.context import site_of
from moor.errors import InputError
from moor.runner.loop_runner import CLOSING
from moor.settings.runner import DaskOptions

if TYPE_CHECKING:
    from moor.workers.availability import WorkerPool
    from moor.workers.dispatch import Dispatch


class DaskRunner:
    """A Nornir runner for Dask workers; its options are those of ``DaskOptions``."""

    def __init__(self, **options: Any) -> None:
        if find_spec("distributed") is None:
            raise InputError(
                "config.yaml: runner: dask needs the package distributed; pip install distributed, "
                "on the controller and on every worker"
            )
        self._options = DaskOptions.model_validate(options)
        self._workers: WorkerPool | None = None
        self._dispatch: Dispatch | None = None  # the latest
        self._halted = False

    def sized(self, num_workers: int) -> DaskRunner:
        """Return a runner with another number of hosts at once on each worker."""
        return DaskRunner(**{**self._options.model_dump(), "num_workers": num_workers})

    def run(self, task: Task, hosts: list[Host]) -> AggregatedResult:
        """Run the task; raise MoorError before any host is contacted if scheduler or workers cannot be used."""
        if task.name == CLOSING:
            return self._leave(task, hosts)
        if not hosts:
            return AggregatedResult(task.name)
        from moor.workers.dispatch import Dispatch

        workers = self._workers = self._workers or self._joined(task.nornir)
        self._dispatch = dispatch = Dispatch(workers, task, hosts)
        if self._halted:  # halted before the first dispatch
            workers.halt.say()
        return dispatch.run()

    def halt(self) -> dict[str, str]:
        """Stop dispatching for good, from any thread; return the running tasks, by host."""
        self._halted = True
        dispatch = self._dispatch
        return dispatch.halt() if dispatch else {}

    def _joined(self, nr: Nornir) -> WorkerPool:
        from moor.workers.availability import DispatchHalt, WorkerPool
        from moor.workers.cluster import DaskCluster

        cluster = DaskCluster(self._options, site_of(nr), nr.data.dry_run)
        try:
            cluster.open()
        except BaseException:
            cluster.close()
            raise
        return WorkerPool(cluster, self._options.num_workers, DispatchHalt())

    def _leave(self, task: Task, hosts: list[Host]) -> AggregatedResult:
        """Have the workers close all connections."""
        if self._workers:
            self._workers.cluster.close()
        self._workers = self._dispatch = None
        result = AggregatedResult(task.name)
        for host in hosts:
            host.close_connections()
            result[host.name] = MultiResult(task.name)
            result[host.name].append(Result(host))
        return result
