"""A proxy to an API that goes silent: it accepts connections, but answers stop or break off."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class HushedWay:
    """A proxy between clients and a port of this machine that stops passing answers when it is hushed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()
        self._left = 0  # bytes of answers that still pass while it is hushed
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)

    def _start(self, work: Callable[..., None], *given: object) -> None:
        thread = threading.Thread(target=work, args=given, daemon=True)
        self._threads.append(thread)
        thread.start()

    def hush(self, after: int = 0) -> None:
        """Pass only so many more bytes of answers."""
        with self._lock:
            self._left = after
            self._open.clear()

    def speak(self) -> None:
        """Pass everything again; bytes that were held back are lost with their connection."""
        self._open.set()

    @property
    def silent(self) -> bool:
        return not self._open.is_set()

    def close(self) -> None:
        self.speak()
        for one in (self._listener, *self._sockets):
            with suppress(OSError):  # the other end was faster
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in (self._listener, *self._sockets):
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [client, server]
                for source, sink, answers in ((client, server, False), (server, client, True)):
                    self._start(self._pass, source, sink, answers)

    def _pass(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                whole = self._allowed(data) if answers else data
                sink.sendall(whole)
                if len(whole) < len(data):
                    self._open.wait()
                    break
        for one in (source, sink):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _allowed(self, data: bytes) -> bytes:
        with self._lock:
            if self._open.is_set():
                return data
            passed = data[: self._left]
            self._left -= len(passed)
            return passed
