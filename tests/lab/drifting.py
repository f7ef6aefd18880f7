"""A drift check of a fleet, as a program reads it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.lab.conftest import Moored

Key = tuple[str, str]  # host and id


@dataclass(frozen=True)
class Drift:
    """What one drift check said; ``open`` is first seen by host and id of what nobody waived."""

    code: int
    report: dict[str, Any]
    open: dict[Key, str]
    said: str

    def diff(self, host: str, name: str) -> str:
        found = [one for one in self.report["hosts"][host]["resources"] if one["id"] == name]
        return str(found[0]["diff"])


def drifted(moored: Moored, *words: str) -> Drift:
    done = moored.moor("drift", "--output", "json", *words)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    resources = [
        (name, one)
        for name, host in report["hosts"].items()
        for one in host["resources"]
        if one["status"] in ("drift", "failed") and not one["waived"]
    ]
    found = {(name, one["id"]): one["first_seen"] for name, one in resources}
    found |= {(one["host"], one["id"]): one["first_seen"] for one in report["findings"] if not one["waived"]}
    return Drift(done.returncode, report, found, done.stdout + done.stderr)


def clean(moored: Moored) -> None:
    last = drifted(moored)
    assert (last.code, last.open) == (0, {}), last.said
