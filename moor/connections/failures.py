"""What went wrong on the way to a host, told apart: one line with cause and remedy."""

from __future__ import annotations

import errno
import socket

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm

UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL})
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
        return (
            "the host closed the connection before the login; is it sshd on this port, and does it limit connections?"
        )
    if isinstance(error, paramiko.SSHException):
        return _ssh_cause(error)
    if isinstance(error, UnicodeError):
        return "this is no hostname; check it in the inventory"
    if isinstance(error, OSError):
        return _network_cause(error)
    return f"{type(error).__name__}: {error}"


def _network_cause(error: OSError) -> str:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return "the resolver (DNS) does not answer; check /etc/resolv.conf of this machine, or write addresses"
    if isinstance(error, socket.gaierror):
        return "the name cannot be resolved (DNS); check hostname in the inventory, or the resolver"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; is sshd running there, and the port right?"
    if isinstance(error, TimeoutError):
        return "timed out; is the host up, the address right, and no firewall in between?"
    if error.errno in UNREACHABLE:
        return f"no route ({error.strerror}); check the address and this machine's routes"
    return f"{error.strerror or error}"


def _ssh_cause(error: paramiko.SSHException) -> str:
    text = str(error)
    if isinstance(error, UnknownHostKey):
        return (
            f"unknown host key {error.key.get_name()} {error.key.fingerprint}; compare it on the host "
            "(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then pin it: moor check --accept-new-host-keys"
        )
    if isinstance(error, paramiko.BadHostKeyException):
        return (
            f"the host key CHANGED: it shows {error.key.get_name()} {error.key.fingerprint}, "
            f"known is {error.expected_key.get_name()} {error.expected_key.fingerprint}; "
            "if the host was installed anew, drop the old key from known_hosts (ssh-keygen -R) or the inventory "
            "and pin the new one: moor check --accept-new-host-keys; else somebody listens"
        )
    if any(text.startswith(words) for words in HANGS):
        return _hang(text)
    if isinstance(error, paramiko.AuthenticationException) or text.startswith("No authentication methods"):
        return _authentication(error)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return f"no common algorithm: {text}; update sshd on the host"
    if isinstance(error, paramiko.ProxyCommandFailure):
        return f"the way through the jump host failed: {error.error}; try it by ssh"
    return f"SSH failed: {text}"


def _hang(text: str) -> str:
    if text.startswith("Authentication"):
        return "the login timed out: sshd accepts connections but does not answer; is the host overloaded?"
    return "accepts connections but does not speak SSH in time; is it sshd on this port, and the host not overloaded?"


def _authentication(error: paramiko.SSHException) -> str:
    remedy = "check username, key_file, agent or password in the inventory, and authorized_keys on the host"
    if isinstance(error, paramiko.PasswordRequiredException):
        return "authentication failed: the key is encrypted; load it into ssh-agent, or give passphrase"
    if isinstance(error, paramiko.BadAuthenticationType):
        return f"authentication failed: sshd allows only {', '.join(error.allowed_types)}; {remedy}"
    if str(error).startswith("No authentication methods"):
        return f"authentication failed: no key, agent or password to try; {remedy}"
    return f"authentication failed: the host refused this user or key; {remedy}"


def unreadable_key(error: Exception) -> str:
    """Say in one line why a private key cannot be used."""
    if isinstance(error, OSError):
        return f"{error.strerror}; check key_file in the inventory"
    if isinstance(error, TypeError):
        return "the key is encrypted; load it into ssh-agent, or give passphrase in extras"
    if isinstance(error, UnsupportedAlgorithm):
        return f"this kind of key is not supported: {error}"
    return f"no private key, or another passphrase: {error}"
