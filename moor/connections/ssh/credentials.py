"""What a user may log in with, in the order in which ssh tries it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moor.connections.ssh.destination import Destination

OWN_KEYS = tuple(Path(f"~/.ssh/id_{kind}") for kind in ("ed25519", "ecdsa", "rsa"))


@dataclass(frozen=True)
class KeyFile:
    """A private key.

    Attributes:
        is_named: the inventory names it, so that it is an error if it cannot be read; one that ssh_config names, or one
            of ``~/.ssh``, may be missing, or encrypted, since the agent may hold it.
    """

    path: Path
    passphrase: str | None = field(repr=False)
    is_named: bool


@dataclass(frozen=True)
class Agent:
    """The keys of ssh-agent."""


@dataclass(frozen=True)
class Password:
    """The user's password."""

    word: str = field(repr=False)


Credential = KeyFile | Agent | Password


def credentials_of(destination: Destination, parameters: dict[str, Any]) -> Iterator[Credential]:
    """Yield what to try: key_file, agent, the keys of ssh_config and ~/.ssh, password."""
    passphrase, key_file = parameters.get("passphrase") or parameters.get("password"), parameters.get("key_file")
    if key_file:
        yield KeyFile(Path(key_file), passphrase, is_named=True)
    if parameters["allow_agent"] and not destination.identities_only and os.environ.get("SSH_AUTH_SOCK"):
        yield Agent()
    usual = OWN_KEYS if parameters["use_keys"] and not destination.identities_only else ()
    for path in () if key_file else (*destination.identities, *usual):
        yield KeyFile(path, passphrase, is_named=False)
    if parameters.get("password"):
        yield Password(parameters["password"])
