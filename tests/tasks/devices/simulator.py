"""A server of simulated devices over real SSH on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import paramiko
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from tests.tasks.devices.boxes import Box, Session

GONE = (OSError, EOFError, paramiko.SSHException)
LONG = 5  # lines of an answer
PAGE_LINES, PAGER = 8, " --More-- "
WIPE = "\b" * 9 + " " * 8 + "\b" * 9  # what IOS overwrites its pager's line with


class Login(paramiko.ServerInterface):
    """The password login and the shell of a device."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.shell = Event()

    def get_allowed_auths(self, username: str) -> str:
        """Offer the password alone."""
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        """Admit the one user."""
        return AUTH_SUCCESSFUL if (username, password) == ("ops", self.password) else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Open every channel."""
        return OPEN_SUCCEEDED

    def check_channel_pty_request(self, *_: object) -> bool:
        """Give a terminal."""
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        """Give the command line."""
        self.shell.set()
        return True


class CommandLine:
    """One login's command line: echo, answers and prompts, as fast as the device is, page by page if it has a pager."""

    def __init__(self, channel: paramiko.Channel, session: Session) -> None:
        self.channel, self.session, self.box = channel, session, session.box
        self.line, self.pages = "", list[str]()
        self.pause = Event()  # never set: the device's own pace

    def talk(self) -> None:
        """Answer until the client goes or the session is over."""
        self.show(f"{self.box.greeting}{self.session.prompt}")
        with closing_session(self.session):
            self.listen()

    def listen(self) -> None:
        """Carry out what is typed."""
        while not self.session.over and (typed := self.channel.recv(4096)):
            for letter in typed.decode():
                if self.pages:
                    self.turn(letter)
                elif letter in "\r\n":
                    self.enter()
                else:
                    self.line += letter

    def enter(self) -> None:
        """Carry out the line that was typed."""
        line, self.line = self.line, ""
        said = self.session.answer(line)
        prompt = "" if said is None or self.session.over else self.session.prompt
        text = f"{line}\n{said}\n{prompt}" if said else f"{line}\n{prompt}"
        lines = text.split("\n")
        if self.box.late_s and not line:
            self.show(text)
            self.pause.wait(self.box.late_s)
        if self.box.noise and len(lines) > LONG:
            lines.insert(len(lines) // 2, self.box.noise)
            text = "\n".join([*lines, self.box.noise, ""])
        if not self.box.paged or len(lines) <= PAGE_LINES or self.session.mode:
            self.show(text)
            return
        self.pages = ["\n".join(lines[at : at + PAGE_LINES]) for at in range(0, len(lines), PAGE_LINES)]
        self.show(f"{self.pages.pop(0)}\n{PAGER}")

    def turn(self, key: str) -> None:
        """Show the next page; any other key but space ends the answer, as q does."""
        page = self.pages.pop(0) if key == " " else self.session.prompt
        self.pages = self.pages if key == " " else []
        self.show(f"{WIPE}{page}\n{PAGER}" if self.pages else f"{WIPE}{page}")

    def show(self, text: str) -> None:
        """Print, in pieces with a pause between them if the device is slow."""
        pieces = text.replace("\n", "\r\n").encode()
        slow = self.box.pause_s and text.count("\n") > LONG
        size = -(-len(pieces) // 4) if slow else len(pieces)
        for at in range(0, len(pieces), size or 1):
            self.channel.sendall(pieces[at : at + size])
            if slow:
                self.pause.wait(self.box.pause_s)


@contextmanager
def closing_session(session: Session) -> Iterator[None]:
    """End the session after the block."""
    try:
        yield
    finally:
        session.hang_up()


def host_key(path: Path) -> Path:
    """Make an RSA host key."""
    key = rsa.generate_private_key(65537, 2048)
    pem = serialization.PrivateFormat.TraditionalOpenSSL
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()))
    return path


def public_key(path: Path) -> str:
    """Return a host key in the inventory's format."""
    key = paramiko.RSAKey.from_private_key_file(str(path))
    return f"{key.get_name()} {key.get_base64()}"


def serve(client: socket.socket, box: Box, key: paramiko.PKey, password: str) -> None:
    """Serve one connection until it ends."""
    if box.deaf:
        client.close()
        return
    transport = paramiko.Transport(client)
    with suppress(*GONE):
        login = Login(password)
        transport.add_server_key(key)
        transport.start_server(server=login)
        channel = transport.accept(20)
        if channel is not None and login.shell.wait(20):
            CommandLine(channel, box.session()).talk()
    transport.close()


@contextmanager
def served(box: Box, key: Path, password: str) -> Iterator[int]:
    """Serve a device during the block, and yield its port on 127.0.0.1."""
    host, threads, clients = paramiko.RSAKey.from_private_key_file(str(key)), list[Thread](), list[socket.socket]()

    def accept() -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = listener.accept()
                clients.append(client)
                threads.append(Thread(target=serve, args=(client, box, host, password), daemon=True))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        acceptor = Thread(target=accept, daemon=True)
        acceptor.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    acceptor.join()
    for client in clients:
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join()
