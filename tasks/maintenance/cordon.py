"""Who cordoned a node: an annotation that the cordon itself sets, so that it outlives a run that is killed; pure."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from getpass import getuser
from pathlib import Path
from socket import gethostname
from typing import Any

from moor.formats.nesting import parse_json

ANNOTATION = "moor/cordoned"
TIME = "%Y-%m-%dT%H:%M:%SZ"
WORK = timedelta(hours=1)  # for what follows a drain; a run that takes longer counts as dead


@dataclass(frozen=True)
class Cordon:
    """The cordon of a node by a run of moor.

    Attributes:
        run: the run's id.
        user: who ran it.
        machine: where it ran.
        pid: its process there; 0 once it has given up.
        since: when, in UTC.
        until: when the run is over at the latest.
    """

    run: str
    user: str
    machine: str
    pid: int
    since: str
    until: str

    @classmethod
    def by_this(cls, run: str, drain_s: float) -> Cordon:
        """Return the cordon of a run of this process, whose drain may take that long."""
        now = datetime.now(UTC)
        times = (f"{moment:{TIME}}" for moment in (now, now + timedelta(seconds=drain_s) + WORK))
        return cls(run, _user(), gethostname(), os.getpid(), *times)

    @property
    def annotation(self) -> str:
        """Return the annotation's value."""
        return json.dumps(asdict(self), sort_keys=True)

    def is_over(self, now: datetime) -> bool:
        """Return whether the run has ended: its process is gone, or its time is over."""
        if not self.pid or (self.machine == gethostname() and not Path(f"/proc/{self.pid}").exists()):
            return True
        try:
            return now > datetime.fromisoformat(self.until)
        except (ValueError, TypeError):
            return True

    def __str__(self) -> str:
        return f"by run {self.run} of {self.user}@{self.machine} since {self.since}"


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):  # a uid without a name
        return str(os.getuid())


def cordon_of(node: Mapping[str, Any]) -> Cordon | None:
    """Return moor's cordon of a node; None if it has none."""
    text = ((node.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION)
    if text is None:
        return None
    try:
        found = parse_json(text)
        return Cordon(**{**found, "pid": int(found["pid"])})
    except (ValueError, TypeError, KeyError):
        return Cordon("?", "?", "?", 0, "?", "?")  # somebody edited it; it is over


def is_cordoned(node: Mapping[str, Any]) -> bool:
    """Return whether no pods come to a node."""
    return bool((node.get("spec") or {}).get("unschedulable"))


def cordoned(cordon: Cordon, node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that cordons a node, unless it has changed meanwhile."""
    metadata = {"annotations": {ANNOTATION: cordon.annotation}, "resourceVersion": _version(node)}
    return {"metadata": metadata, "spec": {"unschedulable": True}}


def uncordoned(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that takes moor's cordon from a node, unless it has changed meanwhile."""
    metadata = {"annotations": {ANNOTATION: None}, "resourceVersion": _version(node)}
    return {"metadata": metadata, "spec": {"unschedulable": None}}


def _version(node: Mapping[str, Any]) -> str:
    return str((node.get("metadata") or {}).get("resourceVersion") or "")
