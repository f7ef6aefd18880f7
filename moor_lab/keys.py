"""The lab's SSH keys and passwords, made before the hosts boot, and the files that hold them."""

from __future__ import annotations

import os
import secrets
import string
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

PASSWORD_LENGTH = 32


def make_keypair(path: Path, comment: str) -> str:
    """Return the public key of the ed25519 pair at ``path``, in OpenSSH's format; create the pair if it is missing."""
    public = path.with_name(path.name + ".pub")
    if not (path.exists() and public.exists()):
        key = Ed25519PrivateKey.generate()
        line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        write_file(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(), 0o600)
        write_file(public, f"{line} {comment}\n")
    return public.read_text().strip()


def known_hosts(hosts: Iterable[tuple[str, str, str]]) -> str:
    """Return the lines of a known_hosts file for (name, address, public key) of every host."""
    return "".join(f"{name},{address} {' '.join(key.split()[:2])}\n" for name, address, key in hosts)


def make_password(path: Path) -> None:
    """Write a random password to ``path`` unless it exists, of all kinds of characters that Harbor requires."""
    if path.exists():
        return
    alphabet = string.ascii_letters + string.digits
    password = "".join(secrets.choice(alphabet) for _ in range(PASSWORD_LENGTH - 3)) + "aA1"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_file(path, f"{password}\n", 0o600)


def write_file(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file atomically; it has ``mode`` from the beginning."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    beside.chmod(mode)
    beside.rename(path)
