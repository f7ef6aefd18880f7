"""The first words to a host: from any login shell to a command as root, whatever else prints on the way."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from shlex import quote
from typing import BinaryIO

from moor.errors import ErrorKind, HostError
from moor.formats.octal import SAFE

# Single quotes without ' \ ! or a newline inside mean the same to sh, csh and fish. sh reads byte by byte here, so that
# what follows the first line is left for the command.
EXEC = 'sh -c \'IFS= read -r c; eval "$(printf %b "$c")"\''
CHUNK = 32 * 1024 - 64  # what paramiko makes one packet of; a byte more would be a packet of its own
NO_SUDO = 97  # exit status by which the opening says that there is no sudo
SHOWN = 160  # characters of what a host said
REMOTE_GRACE_S = 5  # the host ends a script on its own this long after we gave up on it

ESCAPES = {b: f"\\0{b:03o}" for b in range(256) if chr(b) not in (SAFE | {"'"}) - {"\n"}}

PATH = "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH LC_ALL"


@dataclass(frozen=True)
class ShellStart:
    """How one command begins.

    Attributes:
        command: sh, run as root, its standard input is what follows
        password: sudo's, sent only when sudo asks; without one sudo is not given the chance to ask
    """

    command: str
    bound_s: float
    password: str | None = None
    mark: str = field(default_factory=lambda: f"moor-{secrets.token_hex(16)}")

    @property
    def arrived(self) -> bytes:
        """Return what stands on standard error once sh runs as the login user."""
        return f"\n{self.mark}-user\n".encode()

    @property
    def ready(self) -> bytes:
        """Return what stands on both outputs once the command runs as root."""
        return f"\n{self.mark}-root\n".encode()

    @property
    def prompt(self) -> bytes:
        """Return what sudo prints to ask for the password."""
        return f"{self.mark}-password:".encode()

    @property
    def header(self) -> bytes:
        """Return the line that ``EXEC`` reads."""
        return (escaped(self._as_user()) + "\n").encode()

    def _as_user(self) -> str:
        asking = "-n" if self.password is None else f"-S -p {self.prompt.decode()}"
        root = f"sh -c {quote(self._as_root())}"
        return (
            f"{PATH}\n"
            f"printf {_printed(self.arrived)} >&2\n"
            f'if [ "$(id -u)" = 0 ]; then exec {root}; fi\n'
            f"command -v sudo >/dev/null || exit {NO_SUDO}\n"
            f"exec sudo {asking} -- {root}"
        )

    def _as_root(self) -> str:
        bound = max(1, round(self.bound_s + REMOTE_GRACE_S))
        word, command = _printed(self.ready), quote(self.command)
        return (
            f"printf {word}; printf {word} >&2\n"
            # busybox before 1.30 has another timeout; the bound is then ours alone
            f"if timeout 1 true 2>/dev/null; then exec timeout {bound} sh -c {command}; else exec sh -c {command}; fi"
        )


def escaped(text: str) -> str:
    """Write ``text`` as one line for printf's %b."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1").translate(ESCAPES)


def _printed(word: bytes) -> str:
    return "'" + word.decode().replace("\n", "\\n") + "'"


def words(
    opening: ShellStart, heard: bytearray, source: BinaryIO, progress: Callable[[int], None] | None = None
) -> Iterator[bytes]:
    """Yield what to send next, piece by piece; an empty piece means that the host is to be heard first.

    Args:
        heard: the host's standard error so far, which grows meanwhile

    Raises:
        HostError: sudo asked again, so the password was wrong.
    """
    yield opening.header
    if opening.password is not None:
        yield from _password(opening, opening.password, heard)
    sent = 0
    while piece := source.read(CHUNK):
        yield piece
        sent += len(piece)
        if progress:
            progress(sent)


def _password(opening: ShellStart, password: str, heard: bytearray) -> Iterator[bytes]:
    told = False
    while opening.ready not in heard:
        asked = heard.count(opening.prompt)
        if asked > told:
            if told:
                raise HostError(SUDO["try again"], ErrorKind.PRIVILEGE)
            told = True
            yield password.encode() + b"\n"
        else:
            yield b""


def refusal(opening: ShellStart, stdout: bytes, stderr: bytes, code: int) -> HostError:
    """Explain in one line why the command never ran as root."""
    stage, found, said = stderr.partition(opening.arrived)
    last = _last_words((said if found else stdout + stage).replace(opening.prompt, b""))
    if not found:
        return HostError(_before_sh(last, code), ErrorKind.COMMAND)
    return HostError(_before_root(last, code), ErrorKind.PRIVILEGE)


def _before_root(last: str, code: int) -> str:
    if code == NO_SUDO:
        return "the host has no sudo; install it, or log in as root"
    for part, cause in SUDO.items():
        if part in last:
            return f"{cause} (sudo said: {last})"
    return f"sudo did not start a shell as root (exit {code}): {last or 'it said nothing'}"


def _last_words(said: bytes) -> str:
    text = " ".join(said.decode("utf-8", "replace").split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


def _before_sh(last: str, code: int) -> str:
    if code == 127:
        return f"the login shell found no sh: {last}"
    return (
        f"the login shell did not run a command (exit {code}): {last or 'it said nothing'}; give the user a usual shell"
    )


SUDO = {
    "password is required": "sudo wants a password; give secret in connection_options.shell.extras, or allow NOPASSWD",
    "not in the sudoers": "this user may not use sudo; add it to sudoers",
    "may not run sudo": "this user may not use sudo; add it to sudoers",
    "not allowed to execute": "sudoers allows this user other commands only; allow ALL",
    "must have a tty": "sudoers has requiretty; add Defaults:USER !requiretty",
    "try again": "sudo refused the password; check secret in connection_options.shell.extras",
    "incorrect password": "sudo refused the password; check secret in connection_options.shell.extras",
}
