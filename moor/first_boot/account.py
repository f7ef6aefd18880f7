"""The account by which moor will log in to a machine, and the public keys that it lets in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nornir.core.inventory import Host

from moor.connections.names import connection_of
from moor.secrets.secret import resolve

SECTION = "first_boot"  # of the settings: data.first_boot.authorized_keys


@dataclass(frozen=True)
class Account:
    """A user who may log in by ``keys`` and become root.

    Attributes:
        keys: public keys in OpenSSH's form; without one the account is none of the first boot's.
    """

    name: str
    keys: tuple[str, ...]

    @property
    def file_name(self) -> str:
        """Return the name of its file in sudoers.d, where sudo reads no name with a dot."""
        return f"90-moor-{self.name.replace('.', '_')}"

    @property
    def sudoers(self) -> str:
        """Return the content of that file."""
        return f"{self.name} ALL=(ALL) NOPASSWD:ALL\n"


def account_of(host: Host) -> Account:
    """Return the account of a host: its user, with the public half of its key and the inventory's further keys.

    Raises:
        InputError: the private key cannot be read, and its public half is not beside it
    """
    options = host.get_connection_parameters(connection_of(host))
    extras = options.extras or {}
    own = [_public_half(Path(extras["key_file"]), extras.get("passphrase"))] if extras.get("key_file") else []
    further = getattr(host.data.get(SECTION), "authorized_keys", ())
    return Account(options.username or "", tuple(dict.fromkeys([*own, *further])) if options.username else ())


def _public_half(path: Path, passphrase: str | None) -> str:
    beside = Path(f"{path.expanduser()}.pub")
    if beside.is_file():
        return beside.read_text("utf-8", "replace").strip()
    from moor.connections.ssh.private_keys import private_key

    key = private_key(path, resolve(passphrase).reveal() if passphrase else None)
    return f"{key.get_name()} {key.get_base64()}"
