"""Reading and writing of keys and certificates as PEM."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from moor.errors import InputError
from moor.lazy_imports import ec, exceptions, rsa, serialization, x509
from moor.secrets.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificatePublicKeyTypes,
        PrivateKeyTypes,
        PublicKeyTypes,
    )


BEGIN_CERTIFICATE, END_CERTIFICATE = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
CERTIFICATE = re.compile(f"{BEGIN_CERTIFICATE}.*?{END_CERTIFICATE}\n?", re.DOTALL)


def certificates_in(text: str) -> list[str]:
    """List the certificates in a text that may hold other things too, each as PEM with its line break."""
    return CERTIFICATE.findall(text)


def pem(certificate: x509.Certificate) -> str:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def is_key_of(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    """Return whether ``key`` is the certificate's private key; False where the library does not know its kind."""
    try:
        return _public(certificate.public_key()) == _public(key.public_key())
    except (ValueError, exceptions.UnsupportedAlgorithm):
        return False


def _public(key: CertificatePublicKeyTypes | PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def encrypt_key(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, passphrase: Secret) -> bytes:
    """Return a key as PKCS#8 PEM, encrypted by ``passphrase``."""
    encryption = serialization.BestAvailableEncryption(_bytes(passphrase))
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def plain_key(key: PrivateKeyTypes) -> Secret:
    """Return a key as PKCS#8 PEM without a passphrase, as servers read it."""
    return Secret(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
    )


def read_key(content: bytes, passphrase: Secret | None, shown: str) -> PrivateKeyTypes:
    """Read a private key.

    Raises:
        InputError: the passphrase is missing or wrong, or the file is damaged.
    """
    encrypted = b"ENCRYPTED" in content
    if encrypted and passphrase is None:
        raise InputError(f"{shown}: the key is encrypted; write data.pki.passphrase: file:PATH, or another reference")
    try:
        return serialization.load_pem_private_key(content, _bytes(passphrase) if passphrase and encrypted else None)
    except (ValueError, TypeError, exceptions.UnsupportedAlgorithm) as error:
        if encrypted and "PEM" not in str(error):  # a wrong passphrase may also yield bytes that are no key
            raise InputError(
                f"{shown}: data.pki.passphrase does not open this key; give the one it was made with"
            ) from None
        raise InputError(f"{shown}: not a whole private key in PEM form; put back a good copy") from None


def read_chain(content: bytes, shown: str) -> Sequence[x509.Certificate]:
    """Read one or more certificates; raise InputError if the file is damaged."""
    try:
        with ignore_warnings():
            return x509.load_pem_x509_certificates(content)
    except ValueError:
        raise InputError(f"{shown}: {_why_not_pem(content)}") from None


def _why_not_pem(content: bytes) -> str:
    if content[:1] == b"\x30":  # an ASN.1 sequence
        return "a certificate in DER form; write it in PEM form: openssl x509 -inform der -in FILE -out FILE"
    return "not a whole certificate in PEM form; put back a good copy"


@contextmanager
def ignore_warnings() -> Iterator[None]:
    """Suppress the warnings of the library, which warns of a serial number that is not positive."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _bytes(secret: Secret) -> bytes:
    return secret.reveal().encode("utf-8", "surrogateescape")
