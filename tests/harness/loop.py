"""The plainest loop that takes the steps of several hosts at once, in one thread."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from moor.connections.ssh.steps import NOTHING, Steps, Wait


def take_all(all_steps: Iterable[Steps[Any]]) -> list[Any]:
    """Take the steps of each in turn; return the result of each, or its exception."""
    generators = list(all_steps)
    results: list[Any] = [None] * len(generators)
    waits: dict[int, Wait] = {}

    def go_on(at: int, events: int | None) -> None:
        waits.pop(at, None)
        try:
            waits[at] = generators[at].send(events)  # type: ignore[arg-type]
        except StopIteration as end:
            results[at] = end.value
        except Exception as error:
            results[at] = error

    for at in range(len(generators)):
        go_on(at, None)
    while waits:
        events = _poll(waits.values())
        now = time.monotonic()
        for at, wait in list(waits.items()):
            if (happened := events.get(wait.descriptor, 0)) or wait.until <= now:
                go_on(at, happened)
    return results


def _poll(waits: Iterable[Wait]) -> dict[int, int]:
    poll, first = select.poll(), min(wait.until for wait in waits)
    for wait in waits:
        if wait.descriptor != NOTHING:
            poll.register(wait.descriptor, wait.events)
    with suppress(InterruptedError):
        return dict(poll.poll(max(0.0, first - time.monotonic()) * 1000 + 1))
    return {}
