"""The words for what goes wrong on the way to a host, whichever library met it."""

from __future__ import annotations

import errno
import socket

UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL})
REMEDY = "check username, key_file, agent or password in the inventory, and authorized_keys on the host"

CUT = "the host closed the connection before the login; is it sshd on this port, and does it limit connections?"
NO_SSH = "accepts connections but does not speak SSH in time; is it sshd on this port, and the host not overloaded?"
LOGIN_HANGS = "the login timed out: sshd accepts connections but does not answer; is the host overloaded?"
NO_NAME = "this is no hostname; check it in the inventory"
NO_CHANNEL = "logged in, but the host opens no channel; is it overloaded?"
NOTHING_TO_TRY = f"authentication failed: no key, agent or password to try; {REMEDY}"
REFUSED = f"authentication failed: the host refused this user or key; {REMEDY}"
NOT_OPENED = "the passphrase that was given does not open the key; correct passphrase in extras"
LOCKED = "the key is encrypted; load it into ssh-agent, or give passphrase in extras"


def network(error: OSError) -> str:
    """Say why no connection came about."""
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


def unknown_key(kind: str, fingerprint: str) -> str:
    """Say that a host showed a key of which nothing is known."""
    return (
        f"unknown host key {kind} {fingerprint}; compare it on the host "
        "(ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then pin it: moor check --accept-new-host-keys"
    )


def changed_key(kind: str, fingerprint: str, known_kind: str, known: str) -> str:
    """Say that a host showed another key than the one that is known."""
    return (
        f"the host key CHANGED: it shows {kind} {fingerprint}, known is {known_kind} {known}; "
        "if the host was installed anew, drop the old key from known_hosts (ssh-keygen -R) or the inventory "
        "and pin the new one: moor check --accept-new-host-keys; else somebody listens"
    )


def jump(said: str) -> str:
    """Say that the command which carries the connection failed."""
    return f"the way through the jump host failed: {said}; {_past_the_jump(said)}"


def _past_the_jump(said: str) -> str:
    # Source: openssh-portable, sshconnect.c, check_host_key and warn_changed_key
    if "host key is known for" in said:
        return "look at the key that it shows and pin it: moor check --accept-new-host-keys"
    if "IDENTIFICATION HAS CHANGED" in said:
        return (
            "if the jump host was installed anew, drop the old key from known_hosts (ssh-keygen -R) and pin the new "
            "one: moor check --accept-new-host-keys; else somebody listens"
        )
    return "try it by ssh"
