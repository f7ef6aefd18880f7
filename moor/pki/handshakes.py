"""TLS handshakes in memory, which show whether OpenSSL accepts a certificate before it is deployed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from moor.lazy_imports import ssl
from moor.secrets.secret import Secret

LEVEL = "DEFAULT@SECLEVEL=2"  # the level of Debian, Ubuntu and RHEL for keys and signatures
ANY = "ALL@SECLEVEL=0"  # for the server: only the client shall judge what is too weak
ROUNDS = 20  # of messages in one handshake; four are usual


def handshake_error(chain: str, key: Secret, trust: str, name: str, *, strict: bool = False) -> str:
    """Return why a client that trusts ``trust`` refuses a server named ``name``; empty if it accepts it.

    Args:
        chain: the server's chain, PEM, its own certificate first.
        key: the server's private key, PEM without a passphrase.
        trust: the CAs that the client trusts, PEM.
        name: a DNS name or an address.
        strict: check as Python 3.13 and later do by default.
    """
    try:
        client, server = _client(trust, strict), _server(chain, key)
        return _handshake(client, server, name)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message or str(error)
    except ssl.SSLError as error:
        return error.reason or str(error)


def _client(trust: str, strict: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(LEVEL)
    if strict:
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=trust)
    return context


def _server(chain: str, key: Secret) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ANY)
    with _in_memory(f"{key.reveal()}\n{chain}") as path:
        context.load_cert_chain(path)
    return context


@contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """Yield a path that holds ``text`` in memory alone: ssl takes a key from a path, and it must touch no disk."""
    descriptor = os.memfd_create("moor", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _handshake(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> str:
    """Run the handshake; raise SSLError if one side refuses. Return why it did not end, or an empty text."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there, server_hostname=name)
    answering = server.wrap_bio(there, back, server_side=True)
    for _ in range(ROUNDS):
        done = [_is_finished(side.do_handshake) for side in (asking, answering)]
        if all(done):
            return ""
    return "the handshake does not end"


def _is_finished(handshake: Callable[[], None]) -> bool:
    try:
        handshake()
    except ssl.SSLWantReadError:
        return False
    return True
