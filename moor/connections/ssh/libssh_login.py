"""The login by libssh: algorithms, the check of the host's key, then the user's keys or password."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from ssh import options
from ssh.error_codes import SSH_AGAIN
from ssh.exceptions import AuthenticationDenied, AuthenticationPartial, BaseSSHError, KeyImportError
from ssh.key import SSHKey, copy_cert_to_privkey, import_cert_file, import_privkey_file
from ssh.session import Session as Connection

from moor.connections.ssh.credentials import Agent, KeyFile, Password, credentials_of
from moor.connections.ssh.destination import Destination
from moor.connections.ssh.failures import NOTHING_TO_TRY, REFUSED, Failure, FailureError
from moor.connections.ssh.host_key_check import check_host_key, preferred_algorithms
from moor.connections.ssh.host_keys import accepted_blobs
from moor.connections.ssh.key_files import explain_unusable_key
from moor.connections.ssh.steps import Steps
from moor.errors import ErrorKind, InputError

WaitSteps = Callable[[], Steps[None]]  # waits for the socket; raises TimeoutError once the login takes too long

# Of libssh.h: SSH_AUTH_AGAIN, SSH_AUTH_INFO, SSH_AUTH_METHOD_PASSWORD, SSH_AUTH_METHOD_INTERACTIVE.
AUTH_AGAIN, AUTH_INFO, PASSWORD, INTERACTIVE = 4, 3, 2, 16
# AES-GCM is left out: before 0.11.5 libssh may take a packet whose tag is wrong (CVE-2026-59847), and the wheel of
# ssh-python 1.2.0 brings 0.11.3.
CIPHERS = "chacha20-poly1305@openssh.com,aes256-ctr,aes128-ctr"


def call_steps(call: Callable[[], int], wait: WaitSteps) -> Steps[int]:
    """Repeat a non-blocking call of libssh, waiting for the socket in between, until it is done; return its code."""
    while (code := call()) in (SSH_AGAIN, AUTH_AGAIN):
        yield from wait()
    return code


def handshake_steps(
    connection: Connection, destination: Destination, parameters: dict[str, Any], wait: WaitSteps
) -> Steps[None]:
    """Shake hands, and check the host's key.

    Raises:
        HostError: the host shows another key or an unknown one.
        TimeoutError: by ``wait``.
        BaseSSHError: any other failure in libssh.
    """
    known = accepted_blobs(parameters, destination.key_name, destination.known_hosts)
    connection.options_set_int_val(options.PROCESS_CONFIG, 0)  # moor reads the ssh_config that the site names itself
    for files in (options.KNOWNHOSTS, options.GLOBAL_KNOWNHOSTS):  # libssh would choose algorithms by them
        connection.options_set(files, os.devnull)
    connection.options_set(options.HOST, destination.hostname)
    connection.options_set(options.HOSTKEYS, preferred_algorithms(known))
    for direction in (options.CIPHERS_C_S, options.CIPHERS_S_C):
        connection.options_set(direction, CIPHERS)
    if destination.username:
        connection.options_set(options.USER, destination.username)
    connection.set_blocking(0)
    yield from call_steps(connection.connect, wait)
    check_host_key(_text(connection.get_server_publickey().export_pubkey_base64()), known)


def _text(word: str | bytes) -> str:
    return word if isinstance(word, str) else word.decode()


def authentication_steps(
    connection: Connection, destination: Destination, parameters: dict[str, Any], wait: WaitSteps
) -> Steps[None]:
    """Log in, by the first of the user's keys or the password that the host accepts; raises HostError, InputError."""
    tried, user = False, destination.username or ""
    for credential in credentials_of(destination, parameters):
        with suppress(AuthenticationDenied, AuthenticationPartial):
            if isinstance(credential, Password):
                tried = True
                yield from _password_steps(connection, user, credential.word, wait)
                return
            if attempt := _attempt(connection, user, credential):
                tried = True
                yield from call_steps(attempt, wait)
                return
    raise (REFUSED if tried else NOTHING_TO_TRY).error()


def _password_steps(connection: Connection, user: str, password: str, wait: WaitSteps) -> Steps[None]:
    """Log in by the method ``password``, or else by ``keyboard-interactive``, whatever the host asks for."""
    with suppress(AuthenticationDenied):
        yield from call_steps(connection.userauth_none, wait)  # the host answers with the methods that it allows
        return
    if connection.userauth_list() & (PASSWORD | INTERACTIVE) != INTERACTIVE:
        yield from call_steps(partial(connection.userauth_password, user, password), wait)
        return
    while (yield from call_steps(partial(connection.userauth_kbdint, user, ""), wait)) == AUTH_INFO:
        for at in range(connection.userauth_kbdint_getnprompts()):
            connection.userauth_kbdint_setanswer(at, password.encode())


def _attempt(connection: Connection, user: str, credential: KeyFile | Agent) -> Callable[[], int] | None:
    """Return the call that tries a credential; None if it cannot be used."""
    if isinstance(credential, Agent):
        return partial(connection.userauth_agent, user)
    try:
        return partial(connection.userauth_publickey, private_key(credential.path, credential.passphrase))
    except InputError:
        if credential.is_named:
            raise
        return None


def private_key(path: Path, passphrase: str | None) -> SSHKey:
    """Read a private key, with its certificate if KEY-cert.pub is beside it; raises InputError."""
    path = path.expanduser()
    try:
        return _parsed(path, path.stat().st_mtime_ns, passphrase)
    except OSError as error:
        raise InputError(f"private key {path}: {error.strerror}; check key_file in the inventory") from None
    except KeyImportError:
        raise InputError(f"private key {path}: {explain_unusable_key(path.read_bytes(), passphrase)}") from None


@lru_cache(maxsize=64)
def _parsed(path: Path, mtime_ns: int, passphrase: str | None) -> SSHKey:
    path.read_bytes()  # raises OSError with the cause, which libssh's own error does not tell
    key = import_privkey_file(str(path), (passphrase or "").encode())
    certificate = path.with_name(f"{path.name}-cert.pub")
    if certificate.exists():
        _add_certificate(key, certificate)
    return key


def _add_certificate(key: SSHKey, certificate: Path) -> None:
    try:
        copy_cert_to_privkey(import_cert_file(str(certificate)), key)
    except (KeyImportError, BaseSSHError):  # as for each of an Ed25519 key
        words = f"authentication failed: libssh does not take the certificate {certificate}"
        raise FailureError(Failure(ErrorKind.AUTHENTICATION, words, "a way to use the certificate")) from None
