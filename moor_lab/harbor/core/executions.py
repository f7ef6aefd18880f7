"""Runs of jobs; each takes a moment, so that a client sees it running, and then it has succeeded."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from moor_lab.harbor.core.store import Record, Store

TAKES = timedelta(seconds=1)
NOT_ENDED = "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class Execution:
    """One run.

    Attributes:
        vendor_id: the id of what is run, such as a retention policy
        extras: what else is shown of it
    """

    id: int
    vendor_id: int
    start: datetime
    extras: Mapping[str, Any]

    @property
    def running(self) -> bool:
        return datetime.now(UTC) < self.start + TAKES

    @property
    def status(self) -> str:
        return "Running" if self.running else "Success"

    @property
    def start_time(self) -> str:
        return self.start.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @property
    def end_time(self) -> str:
        return NOT_ENDED if self.running else (self.start + TAKES).strftime("%Y-%m-%dT%H:%M:%SZ")


def begin(store: Store, vendor: str, vendor_id: int, extras: Mapping[str, Any]) -> Execution:
    """Start a run of what ``vendor`` and its id say."""
    body = {"vendor": vendor, "vendor_id": vendor_id, "start": datetime.now(UTC).isoformat(), "extras": dict(extras)}
    return _execution(store.add("execution", uuid.uuid4().hex, body))


def executions_of(store: Store, vendor: str, vendor_id: int) -> list[Execution]:
    """Return the runs of one thing, the latest first."""
    wanted = (vendor, vendor_id)
    records = (one for one in store.all("execution") if (one.body["vendor"], one.body["vendor_id"]) == wanted)
    return [_execution(one) for one in reversed(list(records))]


def _execution(record: Record) -> Execution:
    body = record.body
    return Execution(record.id, body["vendor_id"], datetime.fromisoformat(body["start"]), body["extras"])
