"""The hosts on which the apply of a saved plan has begun, so that it can go on after it was killed."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from moor.formats.nesting import parse_json
from moor.secrets import private_files

SUFFIX = ".begun"
KEPT_DAYS = 30  # after which a plan whose apply was killed is not gone on with


class PlanProgress:
    """The hosts on which a plan is being applied: one file of the site's state, which a finished apply removes."""

    def __init__(self, state: Path, plan: str) -> None:
        self._path = state / "plans" / f"{plan}{SUFFIX}"

    def begun(self) -> frozenset[str]:
        """Return the hosts on which an apply has begun and not ended."""
        try:
            found = parse_json(self._path.read_bytes())
        except (OSError, ValueError):
            return frozenset()
        return frozenset(name for name in found if isinstance(name, str)) if isinstance(found, list) else frozenset()

    def begin(self, hosts: Collection[str]) -> None:
        """Note that changes are about to begin on some more hosts; forget plans that nobody went on with for long."""
        self._forget_old()
        self._write(self.begun() | set(hosts))

    def end(self, hosts: Collection[str]) -> None:
        """Note that nothing of the plan is left to do on some hosts."""
        self._write(self.begun() - set(hosts))

    def _forget_old(self) -> None:
        oldest = time.time() - KEPT_DAYS * 24 * 3600
        for path in self._path.parent.glob(f"*{SUFFIX}"):
            with suppress(OSError):  # another run has removed it
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _write(self, hosts: frozenset[str]) -> None:
        if hosts:
            private_files.write(self._path, json.dumps(sorted(hosts)).encode())
        else:
            self._path.unlink(missing_ok=True)
