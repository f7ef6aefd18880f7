"""Logins and empty commands with an SSH library alone, the lower bound for tools that use it.

``python -m bench.logins LIBRARY KEY USER ADDRESS...`` prints the ms of CPU that a login takes, and those that a command
takes; imports are not counted. Host keys are not compared with any that are known, nothing is planned, and one host
follows the other.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

WAIT_S = 10
COMMANDS = 3  # on each host


class Meter:
    """The CPU time of logins and commands."""

    def __init__(self) -> None:
        self.spent = {"login": 0.0, "command": 0.0}

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Add the CPU time of the block."""
        began = time.process_time()
        yield
        self.spent[what] += time.process_time() - began


def by_paramiko(meter: Meter, key_file: str, user: str, addresses: Sequence[str]) -> None:
    """Log in to each host and run commands."""
    import paramiko

    key = paramiko.PKey.from_path(key_file)
    for address in addresses:
        with meter.of("login"):
            transport = paramiko.Transport((address, 22))
            security = transport.get_security_options()
            security.ciphers = sorted(security.ciphers, key=lambda name: "gcm" not in name)
            transport.start_client(timeout=WAIT_S)
            transport.auth_publickey(user, key)
        for _ in range(COMMANDS):
            with meter.of("command"):
                channel = transport.open_session(timeout=WAIT_S)
                channel.exec_command(":")
                channel.recv_exit_status()
                channel.close()
        with meter.of("login"):
            transport.close()
            transport.join(WAIT_S)


def by_libssh(meter: Meter, key_file: str, user: str, addresses: Sequence[str]) -> None:
    """Log in to each host and run commands."""
    from ssh import options
    from ssh.key import import_privkey_file
    from ssh.session import Session

    key = import_privkey_file(key_file, b"")
    for address in addresses:
        with meter.of("login"):
            sock = socket.create_connection((address, 22), WAIT_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session()
            session.set_socket(sock.detach())
            session.options_set(options.HOST, address)
            session.options_set(options.USER, user)
            for way in (options.CIPHERS_C_S, options.CIPHERS_S_C):
                session.options_set(way, "aes128-gcm@openssh.com")
            session.connect()
            session.userauth_publickey(key)
        for _ in range(COMMANDS):
            with meter.of("command"):
                channel = session.channel_new()
                channel.open_session()
                channel.request_exec(":")
                channel.send_eof()
                while not channel.is_eof():
                    channel.read(4096)
                channel.close()
                del channel
        with meter.of("login"):
            del session


def by_libssh2(meter: Meter, key_file: str, user: str, addresses: Sequence[str]) -> None:
    """Log in to each host and run commands."""
    from ssh2.session import LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC, Session

    for address in addresses:
        with meter.of("login"):
            sock = socket.create_connection((address, 22), WAIT_S)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(True)
            session = Session()
            for way in (LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC):
                session.method_pref(way, "aes128-gcm@openssh.com")
            session.handshake(sock)
            session.userauth_publickey_fromfile(user, key_file)
        for _ in range(COMMANDS):
            with meter.of("command"):
                channel = session.open_session()
                channel.execute(":")
                while channel.read()[0] > 0:
                    pass
                channel.close()
                channel.wait_closed()
                del channel
        with meter.of("login"):
            session.disconnect()
            sock.close()


LIBRARIES: dict[str, Callable[[Meter, str, str, Sequence[str]], None]] = {
    "paramiko": by_paramiko,
    "libssh": by_libssh,
    "libssh2": by_libssh2,
}

if __name__ == "__main__":
    library, key_file, user, *addresses = sys.argv[1:]
    meter = Meter()
    LIBRARIES[library](meter, key_file, user, addresses)
    print(meter.spent["login"] * 1000 / len(addresses), meter.spent["command"] * 1000 / len(addresses) / COMMANDS)
