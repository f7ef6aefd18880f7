"""Settings of Python's garbage collector: rare collections, which skip imported modules."""

from __future__ import annotations

import atexit
import gc
from functools import cache


def collect_rarely() -> None:
    """Make collections rare while a command starts: imports create many objects and hardly any garbage."""
    # With Python's default, every 700 objects, a tenth of a short run is spent collecting.
    gc.set_threshold(200_000, 20, 50)
    # At exit the interpreter collects once more over all objects, for nothing: the process ends anyway.
    atexit.register(gc.freeze)


@cache
def freeze_startup_objects() -> None:
    """Move all living objects to the oldest generation (gc.freeze), so that collections skip them.

    Once per process: repeated checks leave garbage, which must not be moved there.
    """
    gc.freeze()
    gc.unfreeze()  # moves them to the oldest generation, which a full collection still visits
    gc.set_threshold(100_000, 20, 50)
