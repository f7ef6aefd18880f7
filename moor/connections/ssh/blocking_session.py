"""The base of sessions whose library waits by itself, with threads of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from functools import partial
from typing import ClassVar

from moor.connections.ssh.exchange import ChannelOutput
from moor.connections.ssh.in_thread import CALLS, in_thread
from moor.connections.ssh.session import SSHSession
from moor.connections.ssh.steps import Steps
from moor.script_result import ScriptResult


class BlockingSession(SSHSession):
    """A session whose calls block; a loop makes each of them in a thread."""

    BLOCKS: ClassVar[bool] = True

    @abstractmethod
    def connect(self) -> None:
        """Check the host's key and log in; raises HostError, InputError."""

    @abstractmethod
    def exchange(self, pieces: Iterator[bytes], output: ChannelOutput, timeout_s: float) -> int:
        """Run a command; see ``exchange_steps``."""

    def connect_steps(self) -> Steps[None]:
        return in_thread(CALLS, self.connect)

    def run_steps(self, script: str, timeout_s: float = 300, *, as_root: bool = True) -> Steps[ScriptResult]:
        return in_thread(CALLS, partial(self.run, script, timeout_s, as_root=as_root))

    def exchange_steps(self, pieces: Iterator[bytes], output: ChannelOutput, timeout_s: float) -> Steps[int]:
        """Run a command right here; only the steps of ``run`` and ``stream`` come here, which may block."""
        yield from ()
        return self.exchange(pieces, output, timeout_s)
