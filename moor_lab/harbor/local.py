"""The core of Harbor's stand-in over HTTPS on loopback, with an empty database: for what needs Harbor's API alone."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from moor.pki.authority import CertificateNames, issue, make_authority
from moor_lab.harbor.core.application import application
from moor_lab.harbor.core.service import Core
from moor_lab.harbor.core.store import in_memory
from moor_lab.harbor.core.tokens import Tokens
from moor_lab.harbor.core.users import first_start
from moor_lab.harbor.loopback import LOOPBACK
from moor_lab.harbor.prepare.keys import new_key

PARTS = ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl")
NOTED_HEADERS = ("Authorization", "X-Is-Resource-Name")
POLL_S = 0.05


@dataclass(frozen=True)
class Asked:
    """One request; ``target`` is its path and query, as it was sent."""

    method: str
    target: str
    headers: dict[str, str]


Note = Callable[[Asked], object]


@dataclass
class LocalHarbor:
    """A running core.

    Attributes:
        ca: the file of the CA that issued its certificate
    """

    core: Core
    ca: Path
    port: int = 0


def _noting(note: Note) -> type[WSGIRequestHandler]:
    """Return a handler that notes what is asked; Werkzeug closes each connection, where Harbor's nginx keeps it."""

    class Noting(WSGIRequestHandler):
        disable_nagle_algorithm = True

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            headers = {name: self.headers[name] for name in NOTED_HEADERS if name in self.headers}
            note(Asked(self.command, self.path, headers))

        def log(self, type: str, message: str, *args: object) -> None:
            return

    return Noting


@contextmanager
def serve_locally(directory: Path, name: str, admin_password: str, note: Note) -> Iterator[LocalHarbor]:
    """Serve a new core on a free port until the block ends.

    Args:
        directory: gets the certificates
        name: that clients ask for
        note: called with each request, in the thread that answers it
    """
    context = _certify(directory, name)
    with httpx.Client(base_url=f"http://{LOOPBACK}:1") as no_registry:
        core = Core(
            store=in_memory(),
            tokens=Tokens(signing_key()),
            registry=no_registry,
            external_url=f"https://{name}",
            components=dict.fromkeys(PARTS, lambda: None),
            ca=directory / "ca.crt",
        )
        first_start(core.store, admin_password)
        served = LocalHarbor(core, directory / "ca.crt")
        server = ThreadedWSGIServer(LOOPBACK, 0, application(core), _noting(note), ssl_context=context)
        server.daemon_threads = True  # a client may keep its connection longer than the block lasts
        served.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(POLL_S,))
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            core.store.close()


@cache
def signing_key() -> bytes:
    """Return the key that signs the tokens of all cores of this process, since it takes long to make."""
    return new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _certify(directory: Path, name: str) -> ssl.SSLContext:
    """Write a CA, and a certificate that it issued; return the server's TLS settings."""
    now, names = datetime.now(UTC), CertificateNames((name,), (IPv4Address(LOOPBACK),))
    authority = make_authority(names, 30, now)
    leaf = issue(authority, names, 30, now)
    private = leaf.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (directory / "ca.crt").write_text(authority.pem)
    (directory / "server.pem").write_bytes(leaf.pem.encode() + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "server.pem")
    return context
