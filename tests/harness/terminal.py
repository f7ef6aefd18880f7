"""A terminal of a given width in place of standard output, for commands that run in this process."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Iterator
from contextlib import contextmanager


class Terminal(io.StringIO):
    """Text that is written to a terminal; ``descriptor`` is a real one, which knows its width."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor = descriptor

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Return the encoding, of which depends whether symbols are shown."""
        return "utf-8"

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the terminal."""
        return self.descriptor


@contextmanager
def terminal(columns: int) -> Iterator[Terminal]:
    """Open a terminal of ``columns``."""
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        yield Terminal(slave)
    finally:
        os.close(master)
        os.close(slave)
