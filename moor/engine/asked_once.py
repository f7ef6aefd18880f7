"""What concerns all hosts of a run alike, asked once, by whichever host comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from nornir.core.task import Task

from moor.context import context_of

Answer = TypeVar("Answer")
_asking = threading.RLock()


def ask_once(task: Task, key: tuple[object, ...], ask: Callable[[], Answer]) -> Answer:
    """Return what ``ask`` returned in this run for ``key``; the other hosts wait for the first answer."""
    with _asking:
        answers = context_of(task).answers
        if key not in answers:
            answers[key] = ask()
        found: Answer = answers[key]
        return found
