"""A local HTTP server that takes notices as apprise's json:// sends them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class Received:
    """What has come so far; ``status`` is what the server answers from now on."""

    url: str = ""
    notices: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    elsewhere: str = ""  # where a status of redirection points to

    @property
    def bodies(self) -> list[str]:
        return [notice["message"] for notice in self.notices]


@contextmanager
def receiver(address: str = "127.0.0.1") -> Iterator[Received]:
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if received.status == 200:
                received.notices.append(json.loads(body))
            self.send_response(received.status)
            if received.elsewhere:
                self.send_header("Location", received.elsewhere)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer((address, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    received.url = f"json://{address}:{server.server_port}/hook"
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
