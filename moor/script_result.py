"""The result of a script or command on a host."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT_BYTES = 64 * 1024 * 1024  # the most output of one call, unless the host's limit_bytes says otherwise


@dataclass(frozen=True)
class ScriptResult:
    """The output of a script or command, and its exit status."""

    stdout: bytes
    stderr: bytes
    code: int
