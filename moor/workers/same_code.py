"""The check that a worker runs the same code on the same site as the controller, the site's state included.

A copy of the site would not do: a certificate or password that one worker creates in the state must be found by the
others. So the controller leaves a file in the state while workers join, and each of them looks for it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import moor
from moor.secrets import private_files
from moor.settings.access import SiteSettings
from moor.settings.modules import PACKAGES

PROOFS = "proofs"
OLD_S = 3600  # longer than any worker takes to join
HERE = Path(moor.__file__).parent
_at_start: dict[str, str] = {}  # the site that this process serves, with the code's fingerprint at its start


@dataclass(frozen=True)
class WorkerRequirements:
    """What a worker must have: the site's directory, the proof file in its state, the fingerprint of the code."""

    site: str
    proof: str
    code: str


@contextmanager
def requirements_with_proof(settings: SiteSettings) -> Iterator[WorkerRequirements]:
    """Keep a proof file in the site's state while the block runs; yield what workers must have."""
    proof = settings.state / PROOFS / secrets.token_hex(16)
    missing = [path for path in (proof.parent, settings.state) if not path.exists()]
    _forget_old(proof.parent)
    private_files.write_new(proof, b"")
    try:
        yield WorkerRequirements(str(settings.directory), str(proof), fingerprint(settings.directory))
    finally:
        proof.unlink(missing_ok=True)
        for path in missing:
            with suppress(OSError):  # not empty: another controller's proof is there
                path.rmdir()


def _forget_old(folder: Path) -> None:
    """Remove the proof files of controllers that were killed while workers joined."""
    for proof in folder.glob("*"):
        with suppress(FileNotFoundError):
            if time.time() - proof.stat().st_mtime > OLD_S:
                proof.unlink()


def unfit_reason(wanted: WorkerRequirements) -> str:
    """Return why this process cannot serve the controller; empty if it can."""
    site = Path(wanted.site)
    if not site.is_dir():
        return f"{site} is not there; a worker needs the site's directory at the same path"
    if not Path(wanted.proof).exists():
        state = Path(wanted.proof).parent.parent
        return f"{state} is not the controller's own; share it with the workers, since a copy of it grows apart"
    served = next(iter(_at_start), wanted.site)
    if served != wanted.site:
        return f"it serves {served}; start workers of its own for {wanted.site}"
    # Imported modules stay as they were at the start, even if their files have changed.
    if _at_start.setdefault(wanted.site, fingerprint(site)) != wanted.code:
        return "it runs other code than the controller; install the same version there, and restart the worker"
    return ""


def fingerprint(site: Path) -> str:
    """Return a hash of the code that a process started now would run for this site."""
    digest = hashlib.sha256(platform.python_version().encode())
    for root in (HERE, *(site / name for name in PACKAGES)):
        for path in _modules(root):
            digest.update(str(path.relative_to(root.parent)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _modules(root: Path) -> list[Path]:
    """List the modules below a folder, also behind links: in a checkout moor/tasks and moor/runbooks are links."""
    found = os.walk(root, followlinks=True)
    return sorted(Path(folder, name) for folder, _, names in found for name in names if name.endswith(".py"))
