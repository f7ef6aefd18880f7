"""The HTTP server of the API: TLS, bearer tokens, JSON, and watches as chunked streams."""

import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from .. import VERSION
from ..errors import ApiError, bad_request
from ..objects import Object
from .access import Tokens
from .cluster import Cluster
from .requests import Request, Response
from .routes import answer

log = logging.getLogger(__name__)

IDLE_S = 120
"""Seconds after which a silent connection is closed."""

LARGEST = 3 * 1024 * 1024
"""Maximum size of a body in bytes, as in a real API server."""


class Server(ThreadingHTTPServer):
    """The HTTP server of a cluster; ``certificate`` and ``key`` are PEM files; tests use none and plain HTTP."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], cluster: Cluster, tokens: Tokens, tls: tuple[Path, Path] | None = None
    ) -> None:
        super().__init__(address, Handler)
        self.cluster = cluster
        self.tokens = tokens
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
        if self._tls and tls:
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
            self._tls.load_cert_chain(*tls)

    def process_request_thread(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        """Do the TLS handshake in the connection's thread, so that a silent client blocks no other."""
        request.settimeout(IDLE_S)
        try:
            wrapped = self._tls.wrap_socket(request, server_side=True) if self._tls else request
        except OSError as error:
            log.debug("no TLS with %s: %s", client_address, error)
            self.shutdown_request(request)
            return
        super().process_request_thread(wrapped, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log errors, except for clients that close the connection early."""
        log.debug("connection of %s ended", client_address, exc_info=True)

    def start(self, poll_s: float = 0.1) -> threading.Thread:
        """Serve in a new thread; ``poll_s`` is how long a shutdown may take."""
        thread = threading.Thread(target=self.serve_forever, args=(poll_s,), name="api", daemon=True)
        thread.start()
        return thread


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = f"moor-lab-kubernetes/{VERSION}"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def _handle(self) -> None:
        try:
            response = answer(self.server.cluster, self._request())
        except ApiError as error:
            response = Response(error.status, error.code)
        except Exception as error:
            log.exception("%s %s", self.command, self.path)
            response = Response(ApiError(500, "InternalError", f"Internal error occurred: {error!r}").status, 500)
        if response.stream is None:
            self._send(response)
        else:
            self._stream(response.stream)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _request(self) -> Request:
        body = self._read()
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        headers = {name.lower(): ",".join(self.headers.get_all(name, [])) for name in self.headers}
        user = self.server.tokens.user(self.headers.get("Authorization", "")).acting(headers)
        return Request(self.command, url.path, query, user, headers, body)

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST:
            self.close_connection = True
            raise ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {LARGEST}")
        return self.rfile.read(length)

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(64).partition(b";")[0] or b"0", 16):
            if size > LARGEST:
                self.close_connection = True
                raise bad_request("chunk too large")
            yield self.rfile.read(size)
            self.rfile.readline(8)
        self.rfile.readline(8)

    def _send(self, response: Response) -> None:
        text = response.body if isinstance(response.body, str) else json.dumps(response.body, separators=(",", ":"))
        body = text.encode()
        self.send_response(response.code)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(body)))
        for warning in response.warnings:
            self.send_header("Warning", f"299 - {json.dumps(warning)}")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _stream(self, events: Iterator[Object | None]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for event in events:
            if event:
                self._chunk(json.dumps(event, separators=(",", ":")).encode() + b"\n")
            self.wfile.flush()
            if self._is_gone():
                self.close_connection = True
                return
        self._chunk(b"")
        self.wfile.flush()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _is_gone(self) -> bool:
        """Return whether the client closed the connection; a watching client sends nothing else."""
        self.connection.settimeout(0)
        try:
            return not self.connection.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            return True
        finally:
            self.connection.settimeout(IDLE_S)

    def log_message(self, format: str, *args: object) -> None:
        """Log requests at debug level."""
        log.debug(format, *args)
