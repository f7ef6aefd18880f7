"""The hosts on which the apply of a saved plan has begun, so that it can go on after it was killed."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from moor.secrets import private_files


class PlanProgress:
    """The hosts on which a plan is being applied: one file of the site's state, which a finished apply removes."""

    def __init__(self, state: Path, plan: str) -> None:
        self._path = state / "plans" / f"{plan}.begun"

    def begun(self) -> frozenset[str]:
        """Return the hosts on which an apply has begun and not ended."""
        try:
            found = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return frozenset()
        return frozenset(name for name in found if isinstance(name, str)) if isinstance(found, list) else frozenset()

    def begin(self, hosts: Collection[str]) -> None:
        """Note that changes are about to begin on some more hosts."""
        self._write(self.begun() | set(hosts))

    def end(self, hosts: Collection[str]) -> None:
        """Note that nothing of the plan is left to do on some hosts."""
        self._write(self.begun() - set(hosts))

    def _write(self, hosts: frozenset[str]) -> None:
        if hosts:
            private_files.write(self._path, json.dumps(sorted(hosts)).encode())
        else:
            self._path.unlink(missing_ok=True)
