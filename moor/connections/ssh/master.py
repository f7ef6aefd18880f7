"""The ssh process that logs in to a jump host and keeps that login for many connections (ControlMaster)."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from moor.connections.ssh.destination import Destination, login_words
from moor.connections.ssh.mux import hello, request_end

# ssh goes to the background once it has logged in, and ends when none of its clients is left, even if we are killed.
KEPT = (
    *("ControlMaster=yes", "ControlPersist=3", "ConnectTimeout=120"),
    *("ServerAliveInterval=15", "ServerAliveCountMax=3"),  # a jump host that is gone is noticed within 45 seconds
    # What the user's ssh_config may want of a login, and `ssh -W` leaves out too.
    *("ClearAllForwardings=yes", "PermitLocalCommand=no", "ForwardAgent=no", "ForwardX11=no", "RequestTTY=no"),
)
# ssh needs three descriptors for each host.
START = 'ulimit -n "$(ulimit -Hn)" 2>/dev/null || :; exec "$@"'
LOG = "/dev/stderr"  # as a log file it stays open when ssh goes to the background
CHECK_S = 5.0
END_S = 2.0
LONGEST = 80  # bytes of the directory: a socket's name may have 107 with it, and ssh adds 17 to ours at first
OLD_S = 60.0  # no socket without a listener is that old but for one that a killed ssh has left behind


class Master:
    """An ssh that logs in to a jump host, and then listens at ``path`` for those that want to go through.

    Attributes:
        descriptor: becomes readable once the login has succeeded or failed.
    """

    def __init__(self, jump: Destination, proxy: str) -> None:
        """Start the ssh.

        Args:
            proxy: the ProxyCommand on the way to the jump host; empty for none.
        """
        self.path = str(run_directory() / secrets.token_hex(4))
        words = login_words(jump, proxy, *KEPT, f"ControlPath={self.path}")
        self._log, self._read = tempfile.TemporaryFile("a+b", buffering=0), 0  # noqa: SIM115 - ssh needs it as long
        self.descriptor, theirs = os.pipe()  # ssh lets go of stdout when it fails, or goes to the background
        try:
            self._process = subprocess.Popen(
                ["sh", "-c", START, "sh", *words, "-N", "-E", LOG, "--", jump.called],
                stdin=subprocess.DEVNULL, stdout=theirs, stderr=self._log,
            )  # fmt: skip
        finally:
            os.close(theirs)
        self._leash = socket.socket(socket.AF_UNIX)

    def is_logged_in(self) -> bool:
        """Return whether the login has succeeded; call it once that is decided."""
        return self._process.wait() == 0

    def hold(self) -> int:
        """Become a client of ssh, so that it stays; return the descriptor that becomes readable when it ends.

        Raises:
            OSError: it is not there any more.
        """
        self._leash.settimeout(CHECK_S)
        self._leash.connect(self.path)
        self._leash.sendall(hello())
        self._leash.recv(4096)
        self._leash.setblocking(False)
        return self._leash.fileno()

    def is_gone(self) -> bool:
        """Return whether ssh has ended, after ``hold``."""
        try:
            return not self._leash.recv(4096)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def new_words(self) -> str:
        """Return what ssh has logged since the last call."""
        added = os.pread(self._log.fileno(), 1 << 20, self._read)
        self._read += len(added)
        return added.decode("utf-8", "replace").strip()

    def end(self) -> None:
        """End ssh, and remove its socket."""
        with suppress(OSError):
            self._leash.sendall(request_end())
        self._leash.close()
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        os.close(self.descriptor)
        self._log.close()


def is_kept_by_user(jump: Destination) -> bool:
    """Return whether the user keeps a connection to the jump host open, by ControlPath of their ssh_config."""
    words = [*login_words(jump, jump.proxy), "-O", "check", "--", jump.called]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=CHECK_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def run_directory() -> Path:
    """Return the directory of the sockets, which only this user may enter."""
    for base in _bases():
        path = base / f"moor-{os.geteuid()}"
        with suppress(OSError):
            path.mkdir(mode=0o700, exist_ok=True)
            status = path.lstat()
            if status.st_uid == os.geteuid() and status.st_mode & 0o170777 == 0o040700:
                _sweep(path)
                return path
    return Path(tempfile.mkdtemp(prefix="moor-", dir="/tmp"))


def _bases() -> Iterator[Path]:
    for name in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108 - see run_directory
        if name and name.startswith("/") and len(os.fsencode(name)) < LONGEST:
            yield Path(name)


def _sweep(directory: Path) -> None:
    """Remove the sockets of those ssh that were killed."""
    for path in directory.iterdir():
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > OLD_S and not _is_listening(path):
                path.unlink()


def _is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True
