"""Private keys, parsed once a process however many hosts they open."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.pkey import UnknownKeyType

from moor.connections.failures import unreadable_key
from moor.errors import InputError


def private_key(path: Path, passphrase: str | None) -> paramiko.PKey:
    """Read a private key, and its certificate where one lies beside it; raises InputError."""
    path = path.expanduser()
    try:
        return _parsed(path, path.stat().st_mtime_ns, passphrase)
    except (OSError, TypeError, ValueError, UnsupportedAlgorithm, UnknownKeyType, paramiko.SSHException) as error:
        raise InputError(f"private key {path}: {unreadable_key(error)}") from None


@lru_cache(maxsize=64)
def _parsed(path: Path, mtime_ns: int, passphrase: str | None) -> paramiko.PKey:
    try:
        return paramiko.PKey.from_path(path)
    except TypeError:  # it is encrypted
        if passphrase is None:
            raise
    # paramiko declares text here and hands it to cryptography, which takes bytes alone.
    return paramiko.PKey.from_path(path, passphrase.encode())  # type: ignore[arg-type]
