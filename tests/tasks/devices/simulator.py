"""A server of simulated devices over real SSH on loopback, with plugins for fakenos."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fakenos import FakeNOS  # type: ignore[import-untyped]
from fakenos.core.nos import Nos  # type: ignore[import-untyped]
from fakenos.plugins.servers import ssh_server_paramiko  # type: ignore[import-untyped]
from fakenos.plugins.shell.cmd_shell import CMDShell  # type: ignore[import-untyped]

from tests.tasks.devices.boxes import Box


class BoxShell(CMDShell):  # type: ignore[misc]
    """The shell of fakenos, whose lines go to a simulated device instead of a table of commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.session = self.nos.device.session()
        self.prompt, self.intro = self.session.prompt, ""

    def onecmd(self, line: str) -> bool:
        if not self.is_running.is_set():
            return True
        said = self.session.answer(line)
        self.prompt = "" if said is None else self.session.prompt
        if said:
            self.writeline(said)
        return bool(self.session.over)


class Server(ssh_server_paramiko.ParamikoSshServer):  # type: ignore[misc]
    """The server of fakenos, for which a client that leaves before its shell starts is no error."""

    def connection_function(self, client: socket.socket, is_running: Event) -> None:
        if self.nos.device.deaf:
            client.close()
            return
        with suppress(AttributeError, OSError, EOFError, paramiko.SSHException):
            super().connection_function(client, is_running)


def hear(channel: Any, lines: Any, replied: Event, running: Event) -> None:
    """Read what a client types, without the pause of 10 ms that fakenos makes after every letter."""
    with suppress(OSError, EOFError):  # the client went away
        while running.is_set() and (line := _line(channel, replied)):
            lines.write(line)


def _line(channel: Any, replied: Event) -> str:
    """Return the next line, echoed; empty at the end."""
    heard, letter = b"", b""
    while letter := channel.read(1):
        replied.wait(10)
        heard += letter
        if letter in (b"\r", b"\n"):
            channel.write(b"\r\n")
            replied.clear()
            return str(heard, "utf-8")
        channel.write(letter)
    return ""


def host_key(path: Path) -> Path:
    """Make an RSA host key, the only kind that fakenos accepts."""
    key = rsa.generate_private_key(65537, 2048)
    pem = serialization.PrivateFormat.TraditionalOpenSSL
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()))
    return path


def public_key(path: Path) -> str:
    """Return a host key in the inventory's format."""
    key = paramiko.RSAKey.from_private_key_file(str(path))
    return f"{key.get_name()} {key.get_base64()}"


@contextmanager
def served(box: Box, key: Path, password: str) -> Iterator[int]:
    """Serve a device during the block, and yield its port on 127.0.0.1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    system = Nos(name="box", commands={}, initial_prompt="edge1#")
    system.device = box
    ssh_server_paramiko.channel_to_shell_tap = hear
    server = {"plugin": "ParamikoSshServer", "configuration": {"ssh_key_file": str(key), "address": "127.0.0.1"}}
    host = {"port": port, "username": "ops", "password": password, "server": server, "nos": {"plugin": "box"}}
    net = FakeNOS({"hosts": {"edge1": host}}, plugins=[system])
    net.shell_plugins["CMDShell"] = BoxShell
    net.servers_plugins["ParamikoSshServer"] = Server
    with net:
        net.hosts["edge1"].server._socket.listen()  # fakenos does so too, but from a thread, somewhat later
        yield port
