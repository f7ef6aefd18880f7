"""Certificates with one thing wrong, or none, as people's CAs make them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from moor.pki.authority import utc_now
from moor.pki.pem import read_chain

NAME = "registry.moor.test"
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def usage(*words: str) -> x509.KeyUsage:
    """Make a keyUsage with these bits, by their names in cryptography."""
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    bits = {word: word in words for word in (*every, "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")}
    return x509.KeyUsage(**bits)


SIGNS, SERVES = usage("key_cert_sign", "crl_sign"), usage("digital_signature")


@dataclass(frozen=True)
class Made:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Wish:
    """What a certificate is to say; the rest is as it should be."""

    subject: str
    ca: bool = False
    path_length: int | None = None
    usage: x509.KeyUsage | None = None
    purposes: tuple[ObjectIdentifier, ...] = ()
    names: tuple[str, ...] = ()
    began: datetime = field(default_factory=lambda: utc_now() - timedelta(days=10))
    days: int = 400
    key: Key | None = None
    identified: bool = True
    further: tuple[tuple[x509.ExtensionType, bool], ...] = ()

    def signed(self, issuer: Made | None = None) -> Made:
        """Make it, signed by ``issuer`` or by itself."""
        key = self.key or ec.generate_private_key(ec.SECP256R1())
        subject = _name(self.subject)
        above = issuer.certificate.subject if issuer else subject
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(above).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(self.began)
        builder = builder.not_valid_after(self.began + timedelta(days=self.days))
        for extension, critical in self._extensions(key, issuer):
            builder = builder.add_extension(extension, critical=critical)
        return Made(builder.sign(issuer.key if issuer else key, SHA256()), key)

    def _extensions(self, key: Key, issuer: Made | None) -> Iterable[tuple[x509.ExtensionType, bool]]:
        yield x509.BasicConstraints(ca=self.ca, path_length=self.path_length), True
        yield x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
        if self.identified:
            by = issuer.certificate.public_key() if issuer else key.public_key()
            yield x509.AuthorityKeyIdentifier.from_issuer_public_key(by), False  # type: ignore[arg-type]
        if self.usage:
            yield self.usage, True
        if self.purposes:
            yield x509.ExtendedKeyUsage(self.purposes), False
        if self.names:
            yield x509.SubjectAlternativeName([x509.DNSName(name) for name in self.names]), False
        yield from self.further


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


ROOT = Wish("Root", ca=True, usage=SIGNS, days=3000)
MIDDLE = Wish("Issuing", ca=True, usage=SIGNS, days=2000)
LEAF = Wish(NAME, usage=SERVES, purposes=(SERVER,), names=(NAME,))


@dataclass(frozen=True)
class Brought:
    """The three files that somebody brings."""

    chain: tuple[Made, ...]
    roots: tuple[Made, ...]
    key: Any = None

    @property
    def chain_pem(self) -> str:
        return "".join(one.pem for one in self.chain)

    @property
    def roots_pem(self) -> str:
        return "".join(one.pem for one in self.roots)

    @property
    def key_pem(self) -> str:
        return Made(self.chain[0].certificate, self.key or self.chain[0].key).key_pem


def brought(leaf: Wish = LEAF, root: Wish = ROOT, middle: Wish | None = None) -> Brought:
    """Make a chain of two or three certificates."""
    top = root.signed()
    issuing = middle.signed(top) if middle else None
    last = leaf.signed(issuing or top)
    return Brought((last, issuing) if issuing else (last,), (top,))


def by_openssl(folder: Path, *options: str) -> Brought:
    """Make a chain of two with the server's certificate signed as ``options`` of openssl x509 say."""
    good = brought()
    (top,), leaf = good.roots, good.chain[0]
    files = {"ca.pem": top.pem, "ca.key": top.key_pem, "leaf.key": leaf.key_pem}
    files["ext"] = f"subjectAltName=DNS:{NAME}\nauthorityKeyIdentifier=keyid\nbasicConstraints=critical,CA:false\n"
    for name, content in files.items():
        (folder / name).write_text(content)
    request = ["openssl", "req", "-new", "-key", "leaf.key", "-subj", f"/CN={NAME}", "-out", "leaf.csr"]
    subprocess.run(request, cwd=folder, check=True, capture_output=True)
    sign = ["openssl", "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-extfile", "ext"]
    subprocess.run([*sign, "-days", "9", *options, "-out", "leaf.pem"], cwd=folder, check=True, capture_output=True)
    return replace(good, chain=(Made(read_chain((folder / "leaf.pem").read_bytes(), "leaf.pem")[0], leaf.key),))
