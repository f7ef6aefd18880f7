"""A session by the first of several libraries that can do what the host and its keys need."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from moor.connections.ssh.exchange import Sink
from moor.connections.ssh.session import SSHSession, UnfitLibraryError
from moor.connections.ssh.steps import Steps
from moor.script_result import ScriptResult

logger = logging.getLogger("moor.connections.ssh")


@dataclass(frozen=True)
class Choice:
    """A library that may be used for a host.

    Attributes:
        session_class: the sessions by that library.
        why: the reason for the choice.
    """

    session_class: type[SSHSession]
    why: str


class FittingSession:
    """A ``Shell`` that takes the first library of its choices; one that is unfit for the host is replaced by the next.

    Only the first connection chooses: whatever happens later comes of the host.
    """

    def __init__(self, make: Callable[[type[SSHSession]], SSHSession], choices: Iterator[Choice]) -> None:
        self._make, self._choices = make, choices
        self._choice = next(choices)
        self.session = make(self._choice.session_class)
        self._lacks: list[str] = []

    @property
    def BLOCKS(self) -> bool:
        """Return whether the present library's calls block."""
        return self.session.BLOCKS

    @property
    def is_known(self) -> bool:
        """Return whether the host has shown a key that is accepted."""
        return self.session.is_known

    @property
    def host_name(self) -> str:
        """Return the name by which the host was reached."""
        return self.session.host_name

    def connect(self) -> None:
        """Check the host's key and log in; raises HostError, InputError."""
        while True:
            try:
                self.session.connect()
                return self._tell()
            except UnfitLibraryError as error:
                self._replace(error)

    def connect_steps(self) -> Steps[None]:
        """Do the same as steps."""
        while True:
            try:
                yield from self.session.connect_steps()
                return self._tell()
            except UnfitLibraryError as error:
                self._replace(error)

    def _replace(self, error: UnfitLibraryError) -> None:
        """Take the next library; raise ``error`` if there is none."""
        choice = next(self._choices, None)
        if choice is None:
            raise error
        self._lacks.append(f"{self.session.NAME} lacks {error.lack}")
        self._choice, self.session = choice, self._make(choice.session_class)

    def _tell(self) -> None:
        why = "; ".join(self._lacks) or self._choice.why
        logger.info("%s is reached by %s (%s)", self.session.target, self.session.NAME, why)

    def run(self, script: str, timeout_s: float = 300, *, as_root: bool = True) -> ScriptResult:
        """Run a script; see ``Shell.run``."""
        return self.session.run(script, timeout_s, as_root=as_root)

    def run_steps(self, script: str, timeout_s: float = 300, *, as_root: bool = True) -> Steps[ScriptResult]:
        """Run a script, without blocking a loop; see ``Shell.run``."""
        return self.session.run_steps(script, timeout_s, as_root=as_root)

    def stream(
        self,
        command: str,
        source: BinaryIO,
        timeout_s: float,
        progress: Callable[[int], None] | None = None,
        sink: Sink | None = None,
    ) -> ScriptResult:
        """Run a command as root; see ``Shell.stream``."""
        return self.session.stream(command, source, timeout_s, progress, sink)

    def close(self) -> None:
        """End the connection; closing twice is fine."""
        self.session.close()
