"""The shells that fragments must run in, and what runs a fragment in them as an apply script would."""

import subprocess
from pathlib import Path

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}


def sh(shell: str, script: str, timeout_s: float = 60) -> subprocess.CompletedProcess[bytes]:
    """Run a script given on standard input."""
    raw = script.encode("utf-8", "surrogateescape")
    return subprocess.run([*SHELLS[shell], "-s"], input=raw, capture_output=True, timeout=timeout_s, check=False)


def text(raw: bytes) -> str:
    """Read bytes as moor does."""
    return raw.decode("utf-8", "surrogateescape")


def me(path: Path) -> str:
    """Return the owner of a path as user:group."""
    return f"{path.owner()}:{path.group()}"
