"""Private keys for paramiko, parsed once in a process for all hosts."""

from __future__ import annotations

from functools import lru_cache
from io import StringIO
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from paramiko.pkey import UnknownKeyType

from moor.connections.ssh.key_files import explain_unusable_key, is_encrypted, is_pkcs8
from moor.errors import InputError

UNREADABLE = (TypeError, ValueError, UnsupportedAlgorithm, UnknownKeyType, paramiko.SSHException)


def private_key(path: Path, passphrase: str | None) -> paramiko.PKey:
    """Read a private key, with its certificate if KEY-cert.pub is beside it; raises InputError."""
    path = path.expanduser()
    try:
        return _parsed(path, path.stat().st_mtime_ns, passphrase)
    except OSError as error:
        raise InputError(f"private key {path}: {error.strerror}; check key_file in the inventory") from None
    except UNREADABLE as error:
        raise InputError(f"private key {path}: {explain_unusable_key(path.read_bytes(), passphrase, error)}") from None


@lru_cache(maxsize=64)
def _parsed(path: Path, mtime_ns: int, passphrase: str | None) -> paramiko.PKey:
    content = path.read_bytes()
    # cryptography refuses a passphrase for a key that has none, and wants bytes
    secret = passphrase.encode() if passphrase is not None and is_encrypted(content) else None
    if is_pkcs8(content):
        return _from_pkcs8(path, content, secret)
    return paramiko.PKey.from_path(path, secret)  # type: ignore[arg-type]  # declared as str, but cryptography wants bytes


def _from_pkcs8(path: Path, content: bytes, secret: bytes | None) -> paramiko.PKey:
    """Read a PKCS#8 key, which paramiko does not know, by converting it to OpenSSH's form in memory."""
    loaded = serialization.load_pem_private_key(content, secret)
    if isinstance(loaded, rsa.RSAPrivateKey):
        kind: type[paramiko.PKey] = paramiko.RSAKey
    elif isinstance(loaded, ec.EllipticCurvePrivateKey):
        kind = paramiko.ECDSAKey
    elif isinstance(loaded, ed25519.Ed25519PrivateKey):
        kind = paramiko.Ed25519Key
    else:
        raise ValueError(type(loaded).__name__)
    form = serialization.PrivateFormat.OpenSSH
    text = loaded.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    key = kind.from_private_key(StringIO(text))
    certificate = path.with_name(f"{path.name}-cert.pub")
    if certificate.exists():
        key.load_certificate(str(certificate))
    return key
