"""What a company's CA sends back: certificates in whatever form and order, put right for a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moor.errors import InputError
from moor.lazy_imports import exceptions, pkcs7, x509
from moor.pki.authority import is_signed_by
from moor.pki.fitness import ServerCertificate
from moor.pki.pem import BEGIN_CERTIFICATE, ignore_warnings, is_key_of
from moor.pki.rules import subject_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

SEQUENCE = b"\x30"  # what every DER file of certificates begins with
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
PKCS12_VERSION = b"\x02\x01\x03"
UNREADABLE = "no certificate in PEM, DER or PKCS#7 form; ask your CA for the chain in one of these"


def read_delivered(content: bytes, shown: str) -> tuple[x509.Certificate, ...]:
    """Read the certificates of a file in PEM, DER or PKCS#7 form, each once.

    Raises:
        InputError: the file has none, or is damaged.
    """
    if content.startswith(UTF_16):
        content = content.decode("utf-16", "replace").encode()
    try:
        with ignore_warnings():
            found = dict.fromkeys(_certificates(content))
    except (ValueError, exceptions.UnsupportedAlgorithm):
        found = {}
    if found:
        return tuple(found)
    if content.startswith(SEQUENCE) and PKCS12_VERSION in content[:16]:
        raise InputError(
            f"{shown}: a PKCS#12 file, which has a key of its own; have the request of moor cert request signed, or "
            "take its files apart and name them in data.pki (docs/certificates.md, A certificate of your own)"
        )
    if b"CERTIFICATE REQUEST-----" in content:
        raise InputError(f"{shown}: a request, and no certificate; give what your CA made of it")
    raise InputError(f"{shown}: {UNREADABLE}")


def _certificates(content: bytes) -> Sequence[x509.Certificate]:
    if BEGIN_CERTIFICATE.encode() in content:
        return x509.load_pem_x509_certificates(content)
    if b"-----BEGIN PKCS7-----" in content:
        return pkcs7.load_pem_pkcs7_certificates(content)
    try:
        return [x509.load_der_x509_certificate(content)]
    except ValueError:
        return pkcs7.load_der_pkcs7_certificates(content)


@dataclass(frozen=True)
class Delivered:
    """A delivered certificate, in the order that servers send.

    Attributes:
        server: the server's certificate with its chain, the CAs and the key
        is_for_key: whether a certificate of the file is for the key
        changes: what was put right, a sentence each
    """

    server: ServerCertificate
    is_for_key: bool
    changes: tuple[str, ...]


def put_in_order(
    found: Sequence[x509.Certificate], key: PrivateKeyTypes, trusted: Sequence[x509.Certificate], *, with_roots: bool
) -> Delivered:
    """Find the server's certificate, and put its issuers behind it.

    Args:
        found: the certificates of the CA's file, in its order.
        key: the private key of the request.
        trusted: the CAs that clients are to trust.
        with_roots: clients are to trust the self-signed certificates of ``found`` too.
    """
    own = [one for one in found if is_key_of(one, key)]
    leaf = max(own, key=lambda one: one.not_valid_after_utc) if own else _likely_leaf(found)
    roots = dict.fromkeys([*trusted, *(one for one in found if with_roots and _is_root(one))])
    path = ServerCertificate((leaf, *(one for one in found if one != leaf)), tuple(roots), key).path
    chain = [leaf, *(one for one in path[1:] if not _is_root(one))]
    anchors = [one for one in roots if one in trusted or one in path]
    server = ServerCertificate(tuple(chain), tuple(anchors), key)
    return Delivered(server, bool(own), tuple(_changes(found, path, chain)))


def _likely_leaf(found: Sequence[x509.Certificate]) -> x509.Certificate:
    """Return the certificate that signed no other of the file, for messages about the rest of its faults."""
    lowest = (one for one in found if not any(is_signed_by(other, one) for other in found if other != one))
    return next((one for one in lowest if not _is_root(one)), found[0])


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer


def _changes(
    found: Sequence[x509.Certificate], path: Sequence[x509.Certificate], chain: Sequence[x509.Certificate]
) -> Iterator[str]:
    sent = [one for one in found if one in chain]
    if sent != [one for one in chain if one in found]:
        yield "the order of the file is put right: the server's certificate first, then each that signed the one before"
    for one in found:
        if one in chain:
            continue
        if one in path:
            yield f"{subject_of(one)} is the CA itself, which clients have; it is left out of the chain"
        else:
            yield f"{subject_of(one)} did not sign this certificate, and is left out"
