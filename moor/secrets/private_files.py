"""Private files and directories, written atomically and with exact modes whatever the umask."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from glob import escape
from pathlib import Path

ABANDONED_S = 3600  # a partial file of this age is left over from a killed run


def make_directory(path: Path) -> None:
    """Create ``path`` and its missing parents with mode 0700; an existing ``path`` is changed to 0700."""
    make_missing(path)
    if path.stat().st_mode & 0o777 != 0o700:
        path.chmod(0o700)


def make_missing(path: Path) -> None:
    """Create ``path`` and its parents with mode 0700 if they are missing; existing ones stay as they are."""
    if not path.exists():
        make_missing(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        path.chmod(0o700)  # the umask may remove even the owner's bits


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace the content of ``path`` atomically, also if the machine loses power meanwhile."""
    part = _write_part(path, content, mode)
    try:
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _sync_directory(path.parent)


def remove_parts(path: Path) -> None:
    """Remove what a killed run left of ``path`` half written; no other process may be writing it."""
    for part in _parts(path):
        part.unlink(missing_ok=True)


def write_new(path: Path, content: bytes, mode: int = 0o600) -> bool:
    """Create ``path`` with ``content``; return False if it exists. Of two concurrent calls, one wins."""
    part = _write_part(path, content, mode)
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    _sync_directory(path.parent)
    return True


def _write_part(path: Path, content: bytes, mode: int) -> Path:
    make_missing(path.parent)
    _remove_abandoned(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _fill(part, content, mode)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            error.filename = str(path)  # the error of a full disk has no file name
        raise
    return part


def _fill(part: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchmod(descriptor, mode)
        file.flush()
        os.fsync(descriptor)


def _parts(path: Path) -> Iterator[Path]:
    return path.parent.glob(f".{escape(path.name)}.????????")


def _remove_abandoned(path: Path) -> None:
    for left in _parts(path):
        with suppress(FileNotFoundError):  # another process removed it
            if left.stat().st_mtime < time.time() - ABANDONED_S:
                left.unlink()


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
