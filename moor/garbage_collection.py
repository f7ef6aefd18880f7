"""When Python looks for garbage: rarely, and not first of all in what was imported."""

from __future__ import annotations

import atexit
import gc
from functools import cache


def spare_imports() -> None:
    """Look for none while a command starts: hundreds of modules are imported, and nearly nothing of them is garbage."""
    # Python's default, every 700 objects, is a tenth of a short run.
    gc.set_threshold(200_000, 20, 50)
    # The interpreter looks once more at its end, in all that there is, which ends with the process anyway.
    atexit.register(gc.freeze)


@cache
def spare_what_is_there() -> None:
    """Take what is there for old, since the work begins.

    Once a process: checks that repeat leave garbage, which would grow old with it.
    """
    gc.freeze()
    gc.unfreeze()  # which makes it the oldest generation; a full search goes through it as ever
    gc.set_threshold(100_000, 20, 50)
