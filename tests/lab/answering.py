"""A registry that holds nothing, over TLS with a site's certificate: who trusts it hears that the image is missing."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import AF_INET, AF_INET6
from threading import Thread

from moor.resources.base import Later
from moor.sites.site import open_site
from moor.tasks.pki.issue import registry_certificate, registry_key
from tests.lab.sites import Site

PORT = 8443
MISSING = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}'


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Say that the API is there, and nothing else."""
        body = b"{}" if self.path == "/v2/" else MISSING
        self.send_response(200 if self.path == "/v2/" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output to themselves."""


class _Server(ThreadingHTTPServer):
    def __init__(self, place: tuple[str, int]) -> None:
        self.address_family = AF_INET6 if ":" in place[0] else AF_INET
        super().__init__(place, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that do not trust the certificate hang up, as they should."""


@contextmanager
def answering(site: Site, address: str = "") -> Iterator[None]:
    """Serve on the lab's machine, by one address of it, port 8443, while the block runs."""
    server = _Server((address or str(site.lab.fleet.machine), PORT))
    server.socket = _context(site).wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _context(site: Site) -> ssl.SSLContext:
    host = open_site(site.folder).inventory.hosts["harbor1"]
    chain, key = registry_certificate(host), registry_key(host)
    assert isinstance(chain, str)
    assert not isinstance(key, Later)
    files = Path(site.folder, "served.crt"), Path(site.folder, "served.key")
    files[0].write_text(chain)
    files[1].write_text(key.reveal())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context
