"""The exception for a host whose key is not known; unlike those of moor/errors.py it must be one of paramiko's."""

from __future__ import annotations

import paramiko

from moor.connections.ssh.failures import unknown_key_failure


class UnknownHostKey(paramiko.SSHException):
    """A host showed a key, and none of the host's keys is known."""

    def __init__(self, key: paramiko.PKey) -> None:
        super().__init__("unknown host key")
        self.failure = unknown_key_failure(key.get_name(), key.fingerprint)
