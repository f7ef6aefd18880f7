"""A ``Shell`` on this machine as the user who runs moor, for tests of resources and runbooks."""

from __future__ import annotations

import io
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from tempfile import TemporaryFile
from threading import Event, Timer
from typing import Any, BinaryIO, ClassVar

from moor.connections.ssh.exchange import Sink
from moor.errors import CommandTimeout, OutputTooLong
from moor.script_result import LIMIT_BYTES, ScriptResult

CHUNK = 32 * 1024


class LocalShell:
    """A ``Shell`` that runs scripts by ``argv`` (dash, bash --posix, busybox sh ...), without sudo."""

    host_name = "localhost"

    def __init__(self, argv: tuple[str, ...] = ("sh",), limit_bytes: int = LIMIT_BYTES) -> None:
        self._argv, self._limit = argv, limit_bytes

    def run(self, script: str, timeout_s: float = 300, *, as_root: bool = True) -> ScriptResult:
        """Run a script, passed on standard input; see ``Shell.run``. The user is always that of this process."""
        raw = script.encode("utf-8", "surrogateescape")
        return self._call([*self._argv, "-s"], io.BytesIO(raw), timeout_s)

    def stream(
        self,
        command: str,
        source: BinaryIO,
        timeout_s: float,
        progress: Callable[[int], None] | None = None,
        sink: Sink | None = None,
    ) -> ScriptResult:
        """Run a command with ``source`` as its standard input; see ``Shell.stream``.

        Args:
            sink: gets the output once the command has ended.
        """
        return self._call([*self._argv, "-c", command], source, timeout_s, progress, sink)

    def _call(
        self,
        argv: list[str],
        source: BinaryIO,
        timeout_s: float,
        progress: Callable[[int], None] | None = None,
        sink: Sink | None = None,
    ) -> ScriptResult:
        is_overdue = Event()
        with TemporaryFile() as stdout, TemporaryFile() as stderr:
            process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, start_new_session=True
            )
            timer = Timer(timeout_s, _stop, (process, is_overdue))
            timer.start()
            try:
                _feed(process, source, progress)
                code = process.wait()
            finally:
                timer.cancel()
            if is_overdue.is_set():
                raise CommandTimeout(f"localhost: no end within {timeout_s:g} s; what ran there was stopped")
            out = _pass_on(stdout, sink) if sink else self._read(stdout)
            return ScriptResult(out, self._read(stderr), code if code >= 0 else 128 - code)

    def _read(self, file: BinaryIO) -> bytes:
        file.seek(0)
        output = file.read(self._limit + 1)
        if len(output) > self._limit:
            raise OutputTooLong(f"localhost: more than {self._limit} bytes of output; stopped")
        return output

    def close(self) -> None:
        """Do nothing, since no connection is open."""


def _feed(process: subprocess.Popen[bytes], source: BinaryIO, progress: Callable[[int], None] | None) -> None:
    """Write ``source`` to the process's standard input until its end, or until the process stops reading."""
    assert process.stdin is not None  # noqa: S101
    sent = 0
    with suppress(BrokenPipeError), process.stdin as pipe:
        while piece := source.read(CHUNK):
            pipe.write(piece)
            sent += len(piece)
            if progress:
                progress(sent)


def _pass_on(file: BinaryIO, sink: Sink) -> bytes:
    """Give the whole of a file to ``sink``, piece by piece; nothing of it is left to return."""
    file.seek(0)
    while piece := file.read(CHUNK):
        sink(piece)
    return b""


def _stop(process: subprocess.Popen[bytes], is_overdue: Event) -> None:
    is_overdue.set()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class LocalPlugin:
    """A Nornir connection plugin over a local shell, ``sh`` or ``extras["argv"]``.

    Tests register it in place of the real one: ``ConnectionPluginRegister.register("shell", LocalPlugin)``.
    """

    argv: ClassVar[tuple[str, ...]] = ("sh",)
    connection: LocalShell

    def open(
        self,
        hostname: str | None,
        username: str | None,
        password: str | None,
        port: int | None,
        platform: str | None,
        extras: dict[str, Any] | None = None,
        configuration: Any = None,
    ) -> None:
        """Choose the shell."""
        self.connection = LocalShell(tuple((extras or {}).get("argv", self.argv)))

    def close(self) -> None:
        """Do nothing, since no connection is open."""
        self.connection.close()
