"""Memory of a process that checks again and again."""

from __future__ import annotations

import gc
import weakref

from moor import garbage_collection


class Ring:
    """Holds itself, so that only a search for garbage finds it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_garbage_as_the_work_begins_is_found_later() -> None:
    garbage_collection.freeze_startup_objects.cache_clear()
    before, ring = gc.get_threshold(), Ring()
    seen = weakref.ref(ring)
    del ring
    try:
        garbage_collection.freeze_startup_objects()
        gc.collect()
    finally:
        gc.set_threshold(*before)
    assert seen() is None


def test_what_a_check_leaves_grows_old_no_sooner_for_the_next_check() -> None:
    garbage_collection.freeze_startup_objects()
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 50)
    rings = [Ring() for _ in range(1000)]
    try:
        garbage_collection.freeze_startup_objects()
        assert gc.get_count()[0] >= len(rings)  # they count as new
    finally:
        gc.set_threshold(*before)
