"""Answers that hold for all hosts of a run, so that only the first host's task has to ask."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from nornir.core.task import Task

from moor.context import context_of

Answer = TypeVar("Answer")
_asking = threading.RLock()


def ask_once(task: Task, key: tuple[object, ...], ask: Callable[[], Answer]) -> Answer:
    """Return the run's answer for ``key``; the first caller gets it from ``ask``, the others wait for it."""
    with _asking:
        answers = context_of(task).answers
        if key not in answers:
            answers[key] = ask()
        found: Answer = answers[key]
        return found
