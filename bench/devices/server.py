"""Simulated routers behind real SSH, in a process of its own; it ends with its standard input.

    python -m bench.devices.server DIRECTORY DEVICES

Every address of 127.0.0.0/8 is one of them. It writes a site into the directory and answers with its port and its host
key. For each line of its input it answers with the numbers of logins and of configurations shown since the last one.
"""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from bench.devices.contents import PASSWORD, USER, configuration, make_site, name_at, saved

SHOWN = ("show running-config", "show startup-config")
LIMIT_S = 60


@dataclass
class Counts:
    """How often somebody logged in, and was shown a configuration."""

    logins: int = 0
    shown: int = 0


class Login(paramiko.ServerInterface):
    """A server that lets the one user in, by password, to a shell."""

    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_SUCCESSFUL if (username, password) == (USER, PASSWORD) else AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_pty_request(self, *_: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        return True


class Routers:
    """Devices that answer the commands of a check; ``counts`` are taken by who asks for them."""

    def __init__(self, key: paramiko.PKey) -> None:
        self.key, self.counts = key, Counts()
        self._lock = Lock()

    def serve(self, listener: socket.socket) -> None:
        """Serve each connection by a thread."""
        while True:
            client, _ = listener.accept()
            Thread(target=self._serve_one, args=(client,), daemon=True).start()

    def taken(self) -> Counts:
        """Return the counts since the last time."""
        with self._lock:
            found, self.counts = self.counts, Counts()
        return found

    def _serve_one(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException), client:
            address = client.getsockname()[0]
            transport = paramiko.Transport(client)
            transport.add_server_key(self.key)
            transport.start_server(server=Login())
            if channel := transport.accept(LIMIT_S):
                with self._lock:
                    self.counts.logins += 1
                self._shell(channel, address)
            transport.close()

    def _shell(self, channel: paramiko.Channel, address: str) -> None:
        """Answer line by line, with an echo, as a terminal does."""
        prompt = f"{name_at(address)}#"
        channel.sendall(f"\r\n{prompt}".encode())
        heard = b""
        while piece := channel.recv(4096):
            heard += piece.replace(b"\r", b"\n")
            while b"\n" in heard:
                line, _, heard = heard.partition(b"\n")
                command = line.decode("utf-8", "replace").strip()
                if command == "exit":
                    return
                said = self._answer(command, address)
                channel.sendall(f"{command}\r\n{said}{prompt}".encode())

    def _answer(self, command: str, address: str) -> str:
        if command not in SHOWN:
            return ""
        with self._lock:
            self.counts.shown += 1
        return (configuration if command == SHOWN[0] else saved)(address).replace("\n", "\r\n") + "\r\n"


def main() -> None:
    """Serve until the input ends."""
    directory, devices = Path(sys.argv[1]), int(sys.argv[2])
    key = paramiko.RSAKey.generate(2048)
    routers = Routers(key)
    with socket.create_server(("0.0.0.0", 0), backlog=devices) as listener:  # noqa: S104  # all of 127.0.0.0/8
        port = listener.getsockname()[1]
        shown = f"{key.get_name()} {key.get_base64()}"
        (directory / "key").write_text(shown)
        make_site(directory / "site", port, shown, devices)
        Thread(target=routers.serve, args=(listener,), daemon=True).start()
        print(port, flush=True)
        for _ in sys.stdin:
            found = routers.taken()
            print(found.logins, found.shown, flush=True)


if __name__ == "__main__":
    main()
