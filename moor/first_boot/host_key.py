"""The SSH host key of a machine that is yet to boot, made on the controller, so that the first connection is strict.

The private key is kept in the site's state, so that the same configuration can be printed again, and nowhere else. The
public one is pinned like that of any host.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from nornir.core.inventory import Host

from moor.errors import InputError
from moor.secrets import private_files
from moor.secrets.secret import Secret

if TYPE_CHECKING:
    from moor.connections.ssh.pinning import KeyScan

FOLDER = "host-keys"  # in the site's state


@dataclass(frozen=True)
class HostKey:
    """A key pair in OpenSSH's form."""

    private: Secret
    public: str


def host_key_for(host: Host, config_file: str | None, state: Path) -> HostKey | None:
    """Return the key pair of a machine, made and pinned at the first call; None if it has a key that moor did not make.

    Args:
        config_file: the site's ssh_config
        state: the directory of the site's state

    Raises:
        InputError: a file cannot be read or written
    """
    from moor.connections.ssh.pinning import key_scan_of

    scan, path = key_scan_of(host, config_file), state / FOLDER / host.name
    try:
        kept = path.read_text() if path.exists() else ""
        if scan.is_known():
            return _if_pinned(scan, kept)
        if not kept:
            private_files.make_directory(path.parent)
            kept = make_private_key()
            if not private_files.write_new(path, kept.encode()):  # another run was faster
                kept = path.read_text()
        return _pin(scan, kept)
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror}; it must be readable and writable") from error


def make_private_key() -> str:
    """Return a new Ed25519 key in OpenSSH's form."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()


def _if_pinned(scan: KeyScan, kept: str) -> HostKey | None:
    from moor.connections.ssh.host_keys import accepted_blobs

    known = accepted_blobs({"ssh_host_key": scan.pins, "known_hosts": scan.site}, scan.name, scan.where.known_hosts)
    pair = _pair(kept) if kept else None
    return pair if pair and pair.public.split()[1] in known else None


def _pin(scan: KeyScan, kept: str) -> HostKey:
    import paramiko

    scan.pin(paramiko.Ed25519Key(file_obj=StringIO(kept)))
    return _pair(kept)


def _pair(private: str) -> HostKey:
    import paramiko

    key = paramiko.Ed25519Key(file_obj=StringIO(private))
    return HostKey(Secret(private), f"{key.get_name()} {key.get_base64()}")
