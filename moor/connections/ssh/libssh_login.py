"""Logging in by libssh: algorithms, the host's key checked, then this user's keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from ssh import options
from ssh.error_codes import SSH_AGAIN
from ssh.exceptions import AuthenticationDenied, AuthenticationPartial, KeyImportError
from ssh.key import SSHKey, copy_cert_to_privkey, import_cert_file, import_privkey_file
from ssh.session import Session as Connection

from moor.connections.ssh.destination import Destination
from moor.connections.ssh.failures import NOTHING_TO_TRY, REFUSED, Failure, changed_key, unknown_key
from moor.connections.ssh.host_keys import fingerprint, known_blobs_of
from moor.connections.ssh.key_files import unusable
from moor.errors import HostError, InputError
from moor.formats.public_keys import kind_of

Wait = Callable[[], None]  # for the socket; raises TimeoutError once the login takes too long

AUTH_AGAIN = 4  # SSH_AUTH_AGAIN of libssh.h
CIPHERS = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes128-ctr"
HOST_KEYS = {
    "ssh-ed25519": "ssh-ed25519",
    "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
    "ssh-rsa": "rsa-sha2-512,rsa-sha2-256",  # the key's kind, and how it signs; RFC 8332
}
OWN_KEYS = tuple(Path(f"~/.ssh/id_{kind}") for kind in ("ed25519", "ecdsa", "rsa"))


def until(call: Callable[[], int], wait: Wait) -> int:
    """Call what does not block again and again, until it is through."""
    while (code := call()) in (SSH_AGAIN, AUTH_AGAIN):
        wait()
    return code


def log_in(connection: Connection, destination: Destination, parameters: dict[str, Any], wait: Wait) -> None:
    """Shake hands, check the host's key, and log in.

    Raises:
        HostError: another key, or an unknown one; refused; TimeoutError by ``wait``; what libssh raises
    """
    known = known_blobs_of(parameters, destination.key_name, destination.known_hosts)
    connection.options_set_int_val(options.PROCESS_CONFIG, 0)  # ssh_config is read where the site names one, by us
    for files in (options.KNOWNHOSTS, options.GLOBAL_KNOWNHOSTS):  # from which it would choose algorithms
        connection.options_set(files, os.devnull)
    connection.options_set(options.HOST, destination.hostname)
    connection.options_set(options.HOSTKEYS, ",".join(_preferred(known)))
    for direction in (options.CIPHERS_C_S, options.CIPHERS_S_C):
        connection.options_set(direction, CIPHERS)
    if destination.username:
        connection.options_set(options.USER, destination.username)
    connection.set_blocking(0)
    until(connection.connect, wait)
    _check(_text(connection.get_server_publickey().export_pubkey_base64()), known)
    _authenticate(connection, destination, parameters, wait)


def _text(word: str | bytes) -> str:
    return word if isinstance(word, str) else word.decode()


def _preferred(known: list[str]) -> list[str]:
    """List the kinds of key that the host may show, those that are known of it foremost."""
    kinds = {kind_of(blob) for blob in known}
    return [HOST_KEYS[kind] for kind in sorted(HOST_KEYS, key=lambda kind: (kind not in kinds, kind != "ssh-ed25519"))]


def _check(shown: str, known: list[str]) -> None:
    """Refuse a host whose key is not among those that are known; there is no way around this."""
    if shown in known:
        return
    kind = kind_of(shown)
    former = next((blob for blob in known if kind_of(blob) == kind), None)
    if former is None:
        raise _error(unknown_key(kind, fingerprint(shown)))
    raise _error(changed_key(kind, fingerprint(shown), kind, fingerprint(former)))


def _error(failure: Failure) -> HostError:
    return HostError(failure.words, failure.kind)


def _authenticate(connection: Connection, destination: Destination, parameters: dict[str, Any], wait: Wait) -> None:
    tried = False
    for attempt in _attempts(connection, destination, parameters):
        tried = True
        with suppress(AuthenticationDenied, AuthenticationPartial):
            until(attempt, wait)
            return
    raise _error(REFUSED if tried else NOTHING_TO_TRY)


def _attempts(
    connection: Connection, destination: Destination, parameters: dict[str, Any]
) -> Iterator[Callable[[], int]]:
    """Yield the ways to log in, in the order of ssh: the key that is named, the agent, the usual keys, the password."""
    passphrase, user = parameters.get("passphrase") or parameters.get("password"), destination.username or ""
    if parameters.get("key_file"):
        yield partial(connection.userauth_publickey, private_key(Path(parameters["key_file"]), passphrase))
    if parameters["allow_agent"] and not destination.identities_only and os.environ.get("SSH_AUTH_SOCK"):
        yield partial(connection.userauth_agent, user)
    usual = OWN_KEYS if parameters["use_keys"] and not destination.identities_only else ()
    for path in () if parameters.get("key_file") else (*destination.identities, *usual):
        with suppress(InputError):  # not there, or encrypted: the agent may hold it
            yield partial(connection.userauth_publickey, private_key(path, passphrase))
    if parameters.get("password"):
        yield partial(connection.userauth_password, user, parameters["password"])


def private_key(path: Path, passphrase: str | None) -> SSHKey:
    """Read a private key, and its certificate where one lies beside it; raises InputError."""
    path = path.expanduser()
    try:
        return _parsed(path, path.stat().st_mtime_ns, passphrase)
    except OSError as error:
        raise InputError(f"private key {path}: {error.strerror}; check key_file in the inventory") from None
    except KeyImportError:
        raise InputError(f"private key {path}: {unusable(path.read_bytes(), passphrase)}") from None


@lru_cache(maxsize=64)
def _parsed(path: Path, mtime_ns: int, passphrase: str | None) -> SSHKey:
    path.read_bytes()  # libssh does not say why it cannot
    key = import_privkey_file(str(path), (passphrase or "").encode())
    certificate = path.with_name(f"{path.name}-cert.pub")
    if certificate.exists():
        copy_cert_to_privkey(import_cert_file(str(certificate)), key)
    return key
