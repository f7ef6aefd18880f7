"""A served cluster whose controllers and nodes act by themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from moor_lab.kubernetes.standin.controllers.loop import Controllers
from tests.kubernetes.conftest import Clock, Fleet
from tests.kubernetes.served import Api


@contextmanager
def acting(api: Api, *nodes: str) -> Iterator[Fleet]:
    """Have controllers and nodes act in a thread while the block runs; pods become ready, deleted ones go."""
    fleet = Fleet(api.cluster, Clock(datetime.now(UTC)))
    for name in nodes:
        fleet.add_node(name)
    controllers, ended = Controllers(api.cluster), threading.Event()

    def act() -> None:
        while not ended.is_set():
            fleet.clock.now, version = datetime.now(UTC), api.store.version
            controllers.once()
            fleet.run_pods()
            if api.store.version == version:
                api.store.wait(version, 0.05)

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    try:
        yield fleet
    finally:
        ended.set()
        thread.join()
