"""The pool of workers that a run's tasks share, and the switch that stops dispatching to it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from moor.workers.cluster import DaskCluster

HALT_S = 2.0  # timeout for the workers to stop


@dataclass
class DispatchHalt:
    """A switch that stops dispatching for good; ``turn`` is held while hosts are sent and while it is set."""

    halted: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)

    def say(self) -> bool:
        """Stop dispatching; return whether a dispatch under way ended in time."""
        in_turn = self.turn.acquire(timeout=HALT_S)
        self.halted = True
        if in_turn:
            self.turn.release()
        return in_turn


@dataclass
class WorkerPool:
    """The workers that the tasks of a run share.

    Attributes:
        at_once: the number of hosts at once on each worker.
        homes: by host, the worker that holds its connection.
    """

    cluster: DaskCluster
    at_once: int | None
    halt: DispatchHalt
    homes: dict[str, str] = field(default_factory=dict)
