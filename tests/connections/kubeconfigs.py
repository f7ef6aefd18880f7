"""Kubeconfigs as many tools write them, and TLS servers that record their requests."""

from __future__ import annotations

import base64
import datetime
import json
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.harness.servers import Handler, serving, tls

Tree = dict[str, Any]
NODES = {"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": []}
NOW = datetime.datetime.now(datetime.UTC)


def encoded(text: bytes | str) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def kubeconfig(path: Path, cluster: Tree, user: Tree, **more: Any) -> Path:
    """Write a kubeconfig of one context."""
    tree = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
        **more,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tree))
    return path


def plugin(path: Path, body: str) -> Path:
    """Write an executable program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, PEM."""

    certificate: bytes
    key: bytes


class Issuer:
    """A CA for tests."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")])
        basic = x509.BasicConstraints(ca=True, path_length=None)
        made = self._builder(self._name, self._key.public_key(), 1).add_extension(basic, True)
        self._certificate = made.sign(self._key, hashes.SHA256())
        self.authority = self._certificate.public_bytes(serialization.Encoding.PEM)

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePublicKey, days: int) -> x509.CertificateBuilder:
        start, end = NOW - datetime.timedelta(days=9), NOW + datetime.timedelta(days=days)
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key)
        return builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)

    def pair(self, names: Sequence[str] = (), days: int = 1) -> Pair:
        """Issue for a server of these names and addresses, or for a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "someone")])
        builder = self._builder(subject, key.public_key(), days)
        use = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), False)
        signed = builder.sign(self._key, hashes.SHA256())
        clear = serialization.NoEncryption()
        form = serialization.PrivateFormat.TraditionalOpenSSL
        private = key.private_bytes(serialization.Encoding.PEM, form, clear)
        return Pair(signed.public_bytes(serialization.Encoding.PEM), private)


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass
class Answering:
    """A server: the requests that it got, and its answer."""

    url: str = ""
    asked: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    clients: list[bool] = field(default_factory=list)  # whether each request came with a client certificate
    answer: Callable[[list[tuple[str, str]]], tuple[int, str, bytes]] = lambda _: (
        200,
        "application/json",
        json.dumps(NODES).encode(),
    )

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return the headers of the last request."""
        return self.asked[-1][1]

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


@contextmanager
def answering(pair: Pair, directory: Path, client_authority: bytes = b"") -> Iterator[Answering]:
    """Serve TLS on loopback."""
    served = Answering()

    class Asked(Handler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            served.asked.append((self.path, list(self.headers.items())))
            served.clients.append(bool(self.connection.getpeercert()))
            code, kind, body = served.answer(list(self.headers.items()))
            self.reply(code, body, {"Content-Type": kind})

        do_POST = do_PATCH = do_GET

    file = directory / "served.pem"
    file.write_bytes(pair.certificate + pair.key)
    context = tls(file)
    if client_authority:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=client_authority.decode())
    with serving(Asked, context) as port:
        served.url = f"https://127.0.0.1:{port}"
        yield served
