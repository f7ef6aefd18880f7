"""What went wrong on the way to a host, told apart: one line with cause and remedy."""

from __future__ import annotations

import paramiko

from moor.connections import causes

HANGS = ("No existing session", "Error reading SSH protocol banner", "Negotiation failed", "Authentication timeout")
CUT = (EOFError, ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


class UnknownHostKey(paramiko.SSHException):
    """A host showed a key, and none is known of it."""

    def __init__(self, key: paramiko.PKey) -> None:
        super().__init__("unknown host key")
        self.key = key


def explain(error: BaseException, destination: str) -> str:
    """Say in one line why ``destination`` (host:port) was not reached, and what to do."""
    return " ".join(f"{destination}: {_cause(error)}".split())


def _cause(error: BaseException) -> str:
    if isinstance(error, paramiko.ssh_exception.NoValidConnectionsError):
        return _cause(next(iter(error.errors.values())))
    if isinstance(error, CUT) or (isinstance(error, paramiko.SSHException) and isinstance(error.__context__, CUT)):
        return causes.CUT
    if isinstance(error, paramiko.SSHException):
        return _ssh_cause(error)
    if isinstance(error, UnicodeError):
        return causes.NO_NAME
    if isinstance(error, OSError):
        return causes.network(error)
    return f"{type(error).__name__}: {error}"


def _ssh_cause(error: paramiko.SSHException) -> str:
    text = str(error)
    if isinstance(error, UnknownHostKey):
        return causes.unknown_key(error.key.get_name(), error.key.fingerprint)
    if isinstance(error, paramiko.BadHostKeyException):
        shown, known = error.key, error.expected_key
        return causes.changed_key(shown.get_name(), shown.fingerprint, known.get_name(), known.fingerprint)
    if any(text.startswith(words) for words in HANGS):
        return causes.LOGIN_HANGS if text.startswith("Authentication") else causes.NO_SSH
    if isinstance(error, paramiko.AuthenticationException) or text.startswith("No authentication methods"):
        return _authentication(error)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return f"no common algorithm: {text}; update sshd on the host"
    if isinstance(error, paramiko.ProxyCommandFailure):
        return causes.jump(error.error)
    return f"SSH failed: {text}"


def _authentication(error: paramiko.SSHException) -> str:
    if isinstance(error, paramiko.PasswordRequiredException):
        return "authentication failed: the key is encrypted; load it into ssh-agent, or give passphrase"
    if isinstance(error, paramiko.BadAuthenticationType):
        return f"authentication failed: sshd allows only {', '.join(error.allowed_types)}; {causes.REMEDY}"
    if str(error).startswith("No authentication methods"):
        return causes.NOTHING_TO_TRY
    return causes.REFUSED
