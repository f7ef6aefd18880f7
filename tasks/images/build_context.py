"""Build contexts as a tar of the files that Docker would send, with the same bytes from every checkout."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from moor.lazy_imports import tarfile

IGNORE_FILE = ".dockerignore"
ALWAYS_SENT = ("Dockerfile", IGNORE_FILE)  # Docker reads these even if they are ignored
TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[\^?[^\]]+\]|\\.|.", re.DOTALL)
GLOB_PATTERNS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
CHUNK = 1024 * 1024


def context_tar(context: Path) -> BinaryIO:
    """Return a build context as a tar that depends on its content only; modes are 755 or 644 as in git."""
    out: BinaryIO = TemporaryFile()  # noqa: SIM115 - the caller closes it
    kept = ignore_filter(_ignored(context))
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path in sorted(context.rglob("*")):
            name = path.relative_to(context).as_posix()
            if kept(name):
                tar.add(path, name, recursive=False, filter=_plain)
    out.seek(0)
    return out


def context_hash(context: Path) -> str:
    """Return the hash of a build context's file names, contents and executable bits."""
    digest = hashlib.sha256()
    with context_tar(context) as tar:
        while piece := tar.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    if not entry.issym():
        # The mode depends on the umask of the checkout, which is not part of the content.
        entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def _ignored(context: Path) -> list[str]:
    path = context / IGNORE_FILE
    return path.read_text("utf-8-sig").splitlines() if path.is_file() else []


def ignore_filter(lines: list[str]) -> Callable[[str], bool]:
    """Return a function that returns whether Docker sends a file, by its path in the context.

    Args:
        lines: the lines of .dockerignore

    References:
        Docker's documentation of .dockerignore: the last line that matches a path or one of its parents decides
    """
    words = [line.strip() for line in lines if not line.startswith("#")]
    rules = [(word[0] == "!", _pattern(word.lstrip("!").strip())) for word in words if word.strip("!")]

    def kept(name: str) -> bool:
        verdicts = [sent for sent, pattern in rules if pattern.fullmatch(name)]
        return name in ALWAYS_SENT or not verdicts or verdicts[-1]

    return kept


def _pattern(word: str) -> re.Pattern[str]:
    parts = [part for part in word.split("/") if part not in ("", ".")]
    return re.compile(f"{''.join(map(_glob_pattern, TOKEN.findall('/'.join(parts))))}(?:/.*)?", re.DOTALL)


def _glob_pattern(token: str) -> str:
    if token[0] == "[" and len(token) > 1:
        return token
    return GLOB_PATTERNS.get(token) or re.escape(token[-1])
