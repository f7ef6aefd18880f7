"""Requests for a certificate that a company's CA signs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from moor.errors import InputError
from moor.lazy_imports import ec, hashes, rsa, serialization, x509
from moor.pki.authority import NAME_LONGEST, CertificateNames, key_usage, names_in

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

KeyKind = Literal["ec", "rsa"]
RSA_BITS = 3072


def make_key(kind: KeyKind) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey:
    """Make a private key: EC on P-256, or RSA."""
    if kind == "ec":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, RSA_BITS)


def kind_of(key: PrivateKeyTypes) -> str:
    """Return the kind of a key as ``make_key`` takes it; empty for another kind."""
    return "ec" if isinstance(key, ec.EllipticCurvePrivateKey) else "rsa" if isinstance(key, rsa.RSAPrivateKey) else ""


def make_request(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, names: CertificateNames
) -> x509.CertificateSigningRequest:
    """Make a request for a server's certificate for ``names``.

    RSA keys also get keyEncipherment, which CAs expect of them; TLS 1.3 uses signatures alone.
    """
    usage = key_usage(signs_certificates=False, enciphers_keys=isinstance(key, rsa.RSAPrivateKey))
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, names.dns[0][:NAME_LONGEST])])
    builder = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(x509.SubjectAlternativeName(names.general()), critical=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def request_pem(request: x509.CertificateSigningRequest) -> bytes:
    """Return a request as PEM."""
    return request.public_bytes(serialization.Encoding.PEM)


def read_request(content: bytes, shown: str) -> x509.CertificateSigningRequest:
    """Read a request in PEM form; raise InputError if it is damaged."""
    try:
        return x509.load_pem_x509_csr(content)
    except ValueError:
        raise InputError(f"{shown}: not a whole request; move it away, and moor cert request makes it again") from None


def is_request_of(request: x509.CertificateSigningRequest, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bool:
    """Return whether a request was signed by ``key``."""
    return request.public_key() == key.public_key()


def requested_names(request: x509.CertificateSigningRequest) -> CertificateNames:
    """Return the names that a request asks for."""
    return names_in(request.extensions)
