"""Private keys for libssh2, which is given them open and in OpenSSH's form, read once in a process for all hosts."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from moor.connections.ssh.key_files import MAGIC, OPENSSH, decoded, explain_unusable_key, is_encrypted
from moor.errors import InputError

# By the kind's name, which is the first word of a public key.
USABLE = {b"ssh-ed25519", b"ssh-rsa", b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp384", b"ecdsa-sha2-nistp521"}


class UserKey(NamedTuple):
    """A private key without passphrase, and its certificate if it has one."""

    private: bytes
    certificate: bytes | None


def private_key(path: Path, passphrase: str | None) -> UserKey:
    """Read a private key, with its certificate if KEY-cert.pub is beside it; raises InputError."""
    path = path.expanduser()
    certificate = path.with_name(f"{path.name}-cert.pub")
    try:
        key = _opened(path, path.stat().st_mtime_ns, passphrase)
        return UserKey(key, _content(certificate, certificate.stat().st_mtime_ns) if certificate.exists() else None)
    except OSError as error:
        raise InputError(f"private key {path}: {error.strerror}; check key_file in the inventory") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"private key {path}: {explain_unusable_key(path.read_bytes(), passphrase, error)}") from None


@lru_cache(maxsize=64)
def _content(path: Path, mtime_ns: int) -> bytes:
    return path.read_bytes()


@lru_cache(maxsize=64)
def _opened(path: Path, mtime_ns: int, passphrase: str | None) -> bytes:
    """Return a key in OpenSSH's form, without passphrase: to open it takes longer than a login."""
    content = path.read_bytes()
    if OPENSSH.search(content) and not is_encrypted(content):
        kind = _kind(content)
        if kind not in USABLE:
            raise ValueError(kind.decode("ascii", "replace") or "no key in it")
        return content
    return _converted(content, passphrase)


def _kind(content: bytes) -> bytes:
    """Return the kind of an open key in OpenSSH's form; empty if there is none.

    References:
        openssh-portable, PROTOCOL.key
    """
    found = OPENSSH.search(content)
    # cipher, KDF and its options of an open key, the number of keys, and the public key's length stand before its kind
    _, _, public = decoded(found[1] if found else b"").partition(
        MAGIC + b"\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\x01"
    )
    return public[8 : 8 + int.from_bytes(public[4:8], "big")]


def _converted(content: bytes, passphrase: str | None) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    # cryptography refuses a passphrase for a key that has none
    secret = passphrase.encode() if passphrase is not None and is_encrypted(content) else None
    load = serialization.load_ssh_private_key if OPENSSH.search(content) else serialization.load_pem_private_key
    form = serialization.PrivateFormat.OpenSSH
    try:
        return load(content, secret).private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None
