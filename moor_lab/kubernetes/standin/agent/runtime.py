"""Following containerd: systemd is asked when it starts and when it ends, and not in between."""

import time
from pathlib import Path

from . import containerd
from .containerd import RuntimeFailure
from .effect import in_effect
from .waiting import ProcessEnd

RESTART_S, LOOK_S = 2.0, 0.2
"""How long a restart may take before containerd counts as down, and how often its successor is looked for."""


class Runtime:
    """The containerd of this node; ``state`` is where copies of what it goes by are kept."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._end: ProcessEnd | None = None
        self.version = ""

    def runs(self) -> bool:
        """Check whether it runs; where it was started anew, note first what it goes by from now on."""
        if self._end and not self._end.wait(0):
            return True
        patience_s = RESTART_S if self._end else 0.0
        self._forget()
        end = time.monotonic() + patience_s
        while not self._found():
            if time.monotonic() >= end:
                return False
            time.sleep(LOOK_S)
        return True

    def _forget(self) -> None:
        if self._end:
            self._end.close()
        self._end = None

    def _found(self) -> bool:
        try:
            process = in_effect(self._state).process
        except RuntimeFailure:
            return False
        self._end = ProcessEnd(process)
        self.version = containerd.version()
        return True

    def rest(self, longest_s: float) -> None:
        """Return when it ends, or after ``longest_s``."""
        if self._end:
            self._end.wait(longest_s)
        else:
            time.sleep(longest_s)
