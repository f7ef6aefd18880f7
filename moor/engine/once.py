"""What concerns all hosts of a run alike, asked once, by whichever host comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from nornir.core.task import Task

from moor.engine.results import run_of

Answer = TypeVar("Answer")
KEY = "moor_asked"  # in Nornir's user_defined
_asking = threading.RLock()


def once(task: Task, key: tuple[object, ...], ask: Callable[[], Answer]) -> Answer:
    """Give what ``ask`` gave in this run for ``key``; the other hosts wait for the first answer."""
    with _asking:
        store: dict[object, Any] = task.nornir.config.user_defined.setdefault(KEY, {})
        run = run_of(task)
        if store.get("run") != run:
            store.clear()
            store["run"] = run
        if key not in store:
            store[key] = ask()
        found: Answer = store[key]
        return found
