"""A connection through a command (ProxyCommand, ProxyJump) that notices when the command ends."""

from __future__ import annotations

import os
import select
import subprocess
from contextlib import suppress

import paramiko

LAST_WORDS_S = 1  # how long a command that failed may take to say why


class Proxy(paramiko.ProxyCommand):
    """As paramiko's, which takes the end of the command for silence and leaves its process unwaited for."""

    def recv(self, size: int) -> bytes:
        """Give what is there; nothing at all is the end. Raises TimeoutError."""
        descriptor = self.process.stdout.fileno()  # type: ignore[union-attr]
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(None if self.timeout is None else self.timeout * 1000):
            raise TimeoutError
        return os.read(descriptor, size)

    def last_words(self) -> str:
        """Give what the command said on standard error, if it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(LAST_WORDS_S)
            said: bytes = self.process.stderr.read()  # type: ignore[union-attr]
            return said.decode("utf-8", "replace").strip()
        return ""

    def close(self) -> None:
        """End the command; paramiko closes more than once."""
        with suppress(ProcessLookupError):
            self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(LAST_WORDS_S)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def shut(self) -> None:
        """Close its pipes too, once paramiko's thread has ended."""
        self.close()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
