"""The state of containerd on the node; systemd is queried only when it starts and when it ends."""

import time
from pathlib import Path

from . import containerd
from .containerd import RuntimeFailure
from .effect import in_effect
from .waiting import ProcessEnd

RESTART_S, LOOK_S = 2.0, 0.2
"""Seconds that a restart may take before containerd counts as down, and between checks for the new process."""


class Runtime:
    """The containerd of this node; ``state`` is the directory for copies of its files."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._end: ProcessEnd | None = None
        self.version = ""

    def runs(self) -> bool:
        """Return whether it runs; after a restart, first record the settings that it now uses."""
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
        """Wait until it ends, at most ``longest_s``."""
        if self._end:
            self._end.wait(longest_s)
        else:
            time.sleep(longest_s)
