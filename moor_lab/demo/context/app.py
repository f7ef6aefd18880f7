"""Square roots over HTTP: GET /sqrt/2 gives {"number": 2.0, "sqrt": 1.4142135623730951}."""

import json
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8000


class Refused(Exception):
    """A number that has no square root; the message says why."""


def answer(path: str, environment: Mapping[str, str]) -> tuple[int, dict[str, object]]:
    """Status and JSON body for a path."""
    if path == "/":
        return 200, about(environment)
    if path == "/healthz":
        return 200, {"status": "ok"}
    if path.startswith("/sqrt/"):
        try:
            return 200, square_root(path.removeprefix("/sqrt/"))
        except Refused as refused:
            return 400, {"error": str(refused)}
    return 404, {"error": f"nothing at {path}; try /sqrt/2"}


def square_root(text: str) -> dict[str, object]:
    """Raise Refused: not a number, negative, or not finite."""
    try:
        number = float(text)
    except ValueError:
        raise Refused(f"not a number: {text}") from None
    if not math.isfinite(number) or number < 0:
        raise Refused(f"no real square root: {text}")
    return {"number": number, "sqrt": math.sqrt(number)}


def about(environment: Mapping[str, str]) -> dict[str, object]:
    """Return what this is, and where it runs."""
    return {
        "service": "square roots over HTTP: GET /sqrt/2",
        "pod": environment.get("POD_NAME", socket.gethostname()),
        "node": environment.get("NODE_NAME", "unknown"),
        "python": sys.version.split()[0],
    }


class Handler(BaseHTTPRequestHandler):
    """Answers GET requests."""

    def do_GET(self) -> None:
        status, body = answer(self.path.partition("?")[0], os.environ)
        content = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    server = ThreadingHTTPServer(("", int(os.environ.get("PORT", PORT))), Handler)
    # the first process of a container gets no default for SIGTERM: without this it is killed after the grace period
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on port {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
