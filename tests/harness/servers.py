"""Servers on loopback that end with the block that started them."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        return int(sock.getsockname()[1])


class Handler(BaseHTTPRequestHandler):
    """Answers requests without a line in the tests' output; subclasses define ``do_GET`` and the like."""

    def reply(self, status: int, content: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer; one to HEAD is without its content."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


def tls(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """Return a server's TLS settings; without ``key``, the certificate's file has the key too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@contextmanager
def serving(
    handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None = None, address: str = LOOPBACK
) -> Iterator[int]:
    """Serve HTTP, or HTTPS with ``context``, on a free port of this machine, which is returned."""
    with ThreadingHTTPServer((address, 0), handler) as server:
        server.daemon_threads = True
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def answers(port: int) -> bool:
    """Return whether somebody listens on a port of loopback."""
    with socket.socket() as sock:
        return sock.connect_ex((LOOPBACK, port)) == 0
