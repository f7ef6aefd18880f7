"""The one exception that is not in moor/errors.py: Paramiko lets none through that is not its own."""

from __future__ import annotations

import paramiko

from moor.connections.ssh.failures import unknown_key


class UnknownHostKey(paramiko.SSHException):
    """A host showed a key, and none is known of it."""

    def __init__(self, key: paramiko.PKey) -> None:
        super().__init__("unknown host key")
        self.failure = unknown_key(key.get_name(), key.fingerprint)
