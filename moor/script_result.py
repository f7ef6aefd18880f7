"""What a host's shell answers."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class ScriptResult:
    """What a script or command printed, and its exit status."""

    stdout: bytes
    stderr: bytes
    code: int
