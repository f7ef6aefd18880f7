"""Time limits for calls that have none of their own, watched by one thread for all; timers would take a thread each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Action = Callable[[], object]


@dataclass
class Watchdog:
    """A thread that acts on every block of code that exceeds its time limit."""

    _due: dict[object, tuple[float, Action]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _next: float = 0.0  # until when the thread sleeps; 0 before it is started

    @contextmanager
    def limit(self, bound_s: float, action: Action) -> Iterator[None]:
        """Call ``action`` in another thread if the block takes longer than ``bound_s``."""
        key, end = object(), time.monotonic() + bound_s
        with self._changed:
            self._due[key] = (end, action)
            self._wake(end)
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(key, None)

    def _wake(self, end: float) -> None:
        if not self._next:
            threading.Thread(target=self._watch, daemon=True).start()
        elif end >= self._next:
            return
        self._next = end
        self._changed.notify()

    def _watch(self) -> None:
        while True:
            for action in self._overdue():
                threading.Thread(target=action, daemon=True).start()  # in a thread of its own, since it may block

    def _overdue(self) -> list[Action]:
        """Sleep until the first time limit, and return the actions that are due."""
        with self._changed:
            self._next = min((end for end, _ in self._due.values()), default=time.monotonic() + 3600)
            self._changed.wait(max(0.0, self._next - time.monotonic()))
            late = [key for key, (end, _) in self._due.items() if end <= time.monotonic()]
            return [self._due.pop(key)[1] for key in late]


WATCHDOG = Watchdog()
