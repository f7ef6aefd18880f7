"""A login and an empty command by a library of SSH alone: below that nobody comes who stands on it.

``python -m bench.logins LIBRARY KEY USER ADDRESS...`` prints the ms of CPU that a host took, imports not counted. Host
keys are not compared with any that are known, nothing is planned, and one host follows the other.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Sequence

WAIT_S = 10


def by_paramiko(key_file: str, user: str, addresses: Sequence[str]) -> float:
    """Log in to each; gives seconds of CPU."""
    import paramiko

    key = paramiko.PKey.from_path(key_file)
    began = time.process_time()
    for address in addresses:
        transport = paramiko.Transport((address, 22))
        security = transport.get_security_options()
        security.ciphers = sorted(security.ciphers, key=lambda name: "gcm" not in name)
        transport.start_client(timeout=WAIT_S)
        transport.auth_publickey(user, key)
        channel = transport.open_session(timeout=WAIT_S)
        channel.exec_command(":")
        channel.recv_exit_status()
        transport.close()
        transport.join(WAIT_S)
    return time.process_time() - began


def by_libssh(key_file: str, user: str, addresses: Sequence[str]) -> float:
    """Log in to each; gives seconds of CPU."""
    from ssh import options
    from ssh.key import import_privkey_file
    from ssh.session import Session

    key = import_privkey_file(key_file, b"")
    began = time.process_time()
    for address in addresses:
        sock = socket.create_connection((address, 22), WAIT_S)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session()
        session.set_socket(sock.detach())
        session.options_set(options.HOST, address)
        session.options_set(options.USER, user)
        for way in (options.CIPHERS_C_S, options.CIPHERS_S_C):
            session.options_set(way, "aes128-gcm@openssh.com")
        session.set_blocking(1)
        session.connect()
        session.userauth_publickey(key)
        channel = session.channel_new()
        channel.open_session()
        channel.request_exec(":")
        channel.send_eof()
        while channel.get_exit_status() == -1:
            pass
        channel.close()
        del channel, session
    return time.process_time() - began


LIBRARIES: dict[str, Callable[[str, str, Sequence[str]], float]] = {"paramiko": by_paramiko, "libssh": by_libssh}

if __name__ == "__main__":
    library, key_file, user, *addresses = sys.argv[1:]
    print(LIBRARIES[library](key_file, user, addresses) * 1000 / len(addresses))
