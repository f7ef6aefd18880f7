"""One thread that ends what has no bound of its own, however many wait for it: a timer each would be a thread each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Action = Callable[[], object]


@dataclass
class Watchdog:
    """Does what it was left with, unless it was called off in time."""

    _due: dict[object, tuple[float, Action]] = field(default_factory=dict)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _next: float = 0.0  # until when the thread sleeps; 0 where there is none

    @contextmanager
    def over(self, bound_s: float, action: Action) -> Iterator[None]:
        """Do ``action``, in another thread, where the block takes longer than ``bound_s``."""
        mine, end = object(), time.monotonic() + bound_s
        with self._changed:
            self._due[mine] = (end, action)
            self._wake(end)
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(mine, None)

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
                threading.Thread(target=action, daemon=True).start()  # it may take its time

    def _overdue(self) -> list[Action]:
        """Sleep until the first bound, and give what is due by then."""
        with self._changed:
            self._next = min((end for end, _ in self._due.values()), default=time.monotonic() + 3600)
            self._changed.wait(max(0.0, self._next - time.monotonic()))
            late = [mine for mine, (end, _) in self._due.items() if end <= time.monotonic()]
            return [self._due.pop(mine)[1] for mine in late]


WATCHDOG = Watchdog()
