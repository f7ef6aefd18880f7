"""The login by libssh2: algorithms, the check of the host's key, then the user's keys or password."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from getpass import getuser
from typing import Any

from ssh2.exceptions import (
    AgentAuthenticationError,
    AgentError,
    AuthenticationError,
    PublickeyUnverifiedError,
)
from ssh2.session import (
    LIBSSH2_METHOD_CRYPT_CS,
    LIBSSH2_METHOD_CRYPT_SC,
    LIBSSH2_METHOD_HOSTKEY,
    LIBSSH2_METHOD_KEX,
    LIBSSH2_METHOD_MAC_CS,
    LIBSSH2_METHOD_MAC_SC,
)
from ssh2.session import Session as Connection

from moor.connections.ssh.credentials import Agent, Credential, KeyFile, Password, credentials_of
from moor.connections.ssh.destination import Destination
from moor.connections.ssh.failures import NOTHING_TO_TRY, REFUSED
from moor.connections.ssh.host_key_check import check_host_key, preferred_algorithms
from moor.connections.ssh.host_keys import accepted_blobs
from moor.connections.ssh.libssh2_keys import private_key
from moor.connections.ssh.steps import Steps
from moor.errors import InputError

CallSteps = Callable[[Callable[[], Any]], Steps[Any]]  # repeats a non-blocking call until it is done

# What libssh2 1.11.1 decrypts unsafely is left out, since a host could use it before its key is checked:
# ChaCha20-Poly1305 (CVE-2026-55200), AES-GCM (CVE-2026-66033), MACs of the encrypted packet (CVE-2026-66035).
CIPHERS = "aes256-ctr,aes192-ctr,aes128-ctr"
MACS = "hmac-sha2-256,hmac-sha2-512"
KEX = (
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
    "diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,"
    "diffie-hellman-group14-sha256,"
    "ext-info-c,kex-strict-c-v00@openssh.com"  # no methods; they say what this side understands
)
REFUSALS = (AuthenticationError, PublickeyUnverifiedError, AgentAuthenticationError)


def handshake_steps(
    connection: Connection, descriptor: object, destination: Destination, parameters: dict[str, Any], call: CallSteps
) -> Steps[None]:
    """Shake hands, and check the host's key.

    Args:
        descriptor: has a method ``fileno``; the connection refers to it to its end.
        call: raises TimeoutError once the login takes too long.

    Raises:
        HostError: the host shows another key or an unknown one.
        SSH2Error: any other failure in libssh2.
    """
    known = accepted_blobs(parameters, destination.key_name, destination.known_hosts)
    connection.set_blocking(False)
    for method, preferred in (
        (LIBSSH2_METHOD_KEX, KEX),
        (LIBSSH2_METHOD_HOSTKEY, preferred_algorithms(known)),
        (LIBSSH2_METHOD_CRYPT_CS, CIPHERS),
        (LIBSSH2_METHOD_CRYPT_SC, CIPHERS),
        (LIBSSH2_METHOD_MAC_CS, MACS),
        (LIBSSH2_METHOD_MAC_SC, MACS),
    ):
        connection.method_pref(method, preferred)
    yield from call(partial(connection.handshake, descriptor))
    check_host_key(b64encode(connection.hostkey()[0]).decode(), known)


def authentication_steps(
    connection: Connection, destination: Destination, parameters: dict[str, Any], call: CallSteps
) -> Steps[None]:
    """Log in, by the first of the user's keys or the password that the host accepts; raises HostError, InputError."""
    tried, user = False, destination.username or getuser()
    for credential in credentials_of(destination, parameters):
        with suppress(*REFUSALS):
            tried = (yield from _attempt_steps(connection, user, credential, call)) or tried
            if connection.userauth_authenticated():
                return
            continue
        tried = True
    raise (REFUSED if tried else NOTHING_TO_TRY).error()


def _attempt_steps(connection: Connection, user: str, credential: Credential, call: CallSteps) -> Steps[bool]:
    """Try one credential; return whether there was anything to try."""
    if isinstance(credential, Password):
        yield from _password_steps(connection, user, credential.word, call)
        return True
    if isinstance(credential, Agent):
        return (yield from _agent_steps(connection, user, call))
    return (yield from _key_steps(connection, user, credential, call))


def _key_steps(connection: Connection, user: str, key_file: KeyFile, call: CallSteps) -> Steps[bool]:
    try:
        key = private_key(key_file.path, key_file.passphrase)
    except InputError:
        if key_file.is_named:
            raise
        return False
    yield from call(partial(connection.userauth_publickey_frommemory, user, key.private, "", key.certificate))
    return True


def _agent_steps(connection: Connection, user: str, call: CallSteps) -> Steps[bool]:
    """Try each key of the agent."""
    tried = False
    with suppress(AgentError):
        agent = connection.agent_init()
        agent.connect()
        for identity in agent.get_identities():
            tried = True
            with suppress(AgentAuthenticationError):
                yield from call(partial(agent.userauth, user, identity))
                break
    return tried


def _password_steps(connection: Connection, user: str, password: str, call: CallSteps) -> Steps[None]:
    """Log in by the method ``password``, or else by ``keyboard-interactive``, whatever the host asks for."""
    methods = yield from call(partial(connection.userauth_list, user))
    if "password" in methods or "keyboard-interactive" not in methods:
        yield from call(partial(connection.userauth_password, user, password))
        return

    def answer(name: bytes, instruction: bytes, prompts: list[str]) -> list[bytes]:
        return [password.encode()] * len(prompts)

    yield from call(partial(connection.userauth_keyboardinteractive_callback, user, answer))
