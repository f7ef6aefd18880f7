"""What one task after another finds of the workers, and how they are told to begin nothing more."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from moor.workers.cluster import DaskCluster

HALT_S = 2.0  # how long workers may take to halt


@dataclass
class DispatchHalt:
    """Whether nothing is begun any more; who gives hosts to workers, or says ``halted``, holds ``turn``."""

    halted: bool = False
    turn: threading.Lock = field(default_factory=threading.Lock)

    def say(self) -> bool:
        """Have nothing given to workers any more; return whether that was waited for in time."""
        in_turn = self.turn.acquire(timeout=HALT_S)
        self.halted = True
        if in_turn:
            self.turn.release()
        return in_turn


@dataclass
class WorkerPool:
    """The workers as tasks find them, one after another.

    Attributes:
        at_once: hosts on each worker
        homes: which worker holds which host, kept up to date
    """

    cluster: DaskCluster
    at_once: int
    halt: DispatchHalt
    homes: dict[str, str] = field(default_factory=dict)
