"""When Python looks for garbage: rarely, and not in what stays until the end anyway."""

from __future__ import annotations

import atexit
import gc


def spare_imports() -> None:
    """Look for none while a command starts: hundreds of modules are imported, and nearly nothing of them is garbage."""
    # Python's default, every 700 objects, is a tenth of a short run.
    gc.set_threshold(200_000, 20, 50)
    # The interpreter looks once more at its end, in all that there is, which ends with the process anyway.
    atexit.register(gc.freeze)


def spare_what_is_there() -> None:
    """Look from now on in what is new alone, since the work begins."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
