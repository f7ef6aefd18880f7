"""The start of a command as root, from any login shell and whatever its profile prints."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from shlex import quote
from typing import BinaryIO

from moor.errors import ErrorKind, HostError
from moor.formats.printf_escape import escape_for_printf

# What the login shell runs: it reads one line of input and evaluates it. Single quotes without ' \ ! or a newline in
# them mean the same to sh, csh and fish. sh's read takes one byte at a time, so that the rest of the input is left for
# the command.
BOOTSTRAP = "sh -c 'IFS= read -r c; eval \"$c\"'"
CHUNK = 32 * 1024 - 64  # the most that paramiko puts into one packet; one byte more would cost a second packet
NO_SUDO = 97  # exit status of the bootstrap if the host has no sudo
SHOWN = 160  # characters of the host's output in an error
REMOTE_GRACE_S = 5  # timeout(1) on the host stops a command this long after our own bound

PRINTABLE = re.compile(r"[ -~]*")
SCRIPT = "exec sh -s"  # the command that runs a script

PATH = "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; LC_ALL=C; export PATH LC_ALL"


@dataclass(frozen=True)
class RootCommand:
    """A command to run as root, with random marks that separate its output from that of profiles and sudo.

    Attributes:
        command: sh; its standard input is what follows the bootstrap line and the password.
        timeout_s: after it the host ends the command.
        sudo_password: sent only if sudo asks for it; None runs sudo so that it cannot ask.
        as_root: false for a command that the login user runs, without sudo.
    """

    command: str
    timeout_s: float
    sudo_password: str | None = None
    as_root: bool = True
    mark: str = field(default_factory=lambda: f"moor-{secrets.token_hex(16)}")

    @property
    def user_mark(self) -> bytes:
        """Return the line that appears on standard error once sh runs as the login user."""
        return f"\n{self.mark}-user\n".encode()

    @property
    def root_mark(self) -> bytes:
        """Return the line that appears on both outputs just before the command runs as root."""
        return f"\n{self.mark}-root\n".encode()

    @property
    def end_mark(self) -> bytes:
        """Return what appears on standard error once the command has ended, before its exit status and a newline."""
        return f"\n{self.mark}-end-".encode()

    @property
    def sudo_prompt(self) -> bytes:
        """Return what sudo prints to ask for the password."""
        return f"{self.mark}-password:".encode()

    @property
    def bootstrap_line(self) -> bytes:
        """Return the line that ``BOOTSTRAP`` reads and evaluates."""
        text = self._as_user()
        if not PRINTABLE.fullmatch(text):
            escaped = escape_for_printf(text).replace("\n", "\\0012")
            text = f"eval \"$(printf %b '{escaped}')\""
        return f"{text}\n".encode()

    def _as_user(self) -> str:
        asking = "-n" if self.sudo_password is None else f"-S -p {self.sudo_prompt.decode()}"
        root = f"sh -c {quote(self._as_root())}"
        begin = f"{PATH}; printf {_quote_mark(self.user_mark)} >&2; "
        if not self.as_root:
            return f"{begin}exec {root}"
        return (
            f"{begin}"
            f'if [ "$(id -u)" = 0 ]; then exec {root}; fi; '
            f"command -v sudo >/dev/null || exit {NO_SUDO}; "
            f"exec sudo {asking} -- {root}"
        )

    def _as_root(self) -> str:
        bound = max(1, round(self.timeout_s + REMOTE_GRACE_S))
        mark, end = _quote_mark(self.root_mark), _quote_mark(self.end_mark)
        words = "sh -s" if self.command == SCRIPT else f"sh -c {quote(self.command)}"
        return (
            f"printf {mark}; printf {mark} >&2; "
            # busybox before 1.30 has a timeout with other options; only our own bound counts there
            "t=/usr/bin/timeout; [ -f $t ] && [ ! -L $t ] || { t=timeout; timeout 1 true 2>/dev/null || t=; }; "
            f"${{t:+$t {bound}}} {words}; "
            f"s=$?; printf {end}%d'\\n' $s >&2; exit $s"
        )


def _quote_mark(mark: bytes) -> str:
    return "'" + mark.decode().replace("\n", "\\n") + "'"


def input_pieces(
    command: RootCommand, stderr: bytearray, source: BinaryIO, progress: Callable[[int], None] | None = None
) -> Iterator[bytes]:
    """Yield the input of a command piece by piece: the bootstrap line, the password if sudo asks, then ``source``.

    An empty piece means that the next one depends on output that has yet to arrive.

    Args:
        stderr: the host's standard error so far; it grows between two pieces.
        progress: is called with the number of bytes of ``source`` sent so far.

    Raises:
        HostError: sudo asked for the password again, so the first one was wrong.
    """
    begin = command.bootstrap_line
    if command.sudo_password is not None:
        yield begin
        yield from _password_pieces(command, command.sudo_password, stderr)
        begin = b""
    sent = 0
    while piece := source.read(max(1, CHUNK - len(begin))):
        yield begin + piece
        begin = b""
        sent += len(piece)
        if progress:
            progress(sent)
    if begin:
        yield begin


def _password_pieces(command: RootCommand, password: str, stderr: bytearray) -> Iterator[bytes]:
    is_sent = False
    while command.root_mark not in stderr:
        if stderr.count(command.sudo_prompt) > is_sent:
            if is_sent:
                raise HostError(SUDO["try again"], ErrorKind.PRIVILEGE)
            is_sent = True
            yield password.encode() + b"\n"
        else:
            yield b""


def start_error(command: RootCommand, stdout: bytes, stderr: bytes, status: int) -> HostError:
    """Return the error that explains in one line why the command never ran as root."""
    before, found, after = stderr.partition(command.user_mark)
    last = _one_line((after if found else stdout + before).replace(command.sudo_prompt, b""))
    if not found:
        return HostError(_explain_login_shell(last, status), ErrorKind.COMMAND)
    return HostError(_explain_sudo(last, status), ErrorKind.PRIVILEGE)


def _explain_sudo(last: str, status: int) -> str:
    if status == NO_SUDO:
        return "the host has no sudo; install it, or log in as root"
    for part, cause in SUDO.items():
        if part in last:
            return f"{cause} (sudo said: {last})"
    return f"sudo did not start a shell as root (exit {status}): {last or 'it printed nothing'}"


def _one_line(output: bytes) -> str:
    text = " ".join(output.decode("utf-8", "replace").split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} ..."


def _explain_login_shell(last: str, status: int) -> str:
    if status == 127:
        return f"the login shell found no sh: {last}"
    exited = "" if status == -1 else f" (exit {status})"
    return f"the login shell did not run a command{exited}: {last or 'it printed nothing'}; give the user a usual shell"


# By a part of what sudo prints.
SUDO = {
    "password is required": "sudo wants a password; give secret in connection_options.shell.extras, or allow NOPASSWD",
    "not in the sudoers": "this user may not use sudo; add it to sudoers",
    "may not run sudo": "this user may not use sudo; add it to sudoers",
    "not allowed to execute": "sudoers allows this user other commands only; allow ALL",
    "must have a tty": "sudoers has requiretty; add Defaults:USER !requiretty",
    "try again": "sudo refused the password; check secret in connection_options.shell.extras",
    "incorrect password": "sudo refused the password; check secret in connection_options.shell.extras",
}
