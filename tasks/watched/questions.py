"""What Harbor is asked about its state; each answer is shared by a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from moor.connections.apis.harbor import Harbor, require_success
from moor.connections.apis.harbor_answers import HarborObject, Shape, parse_answer
from moor.tasks.registry.answers import API, Listing, Single


class SystemState(HarborObject):
    """What Harbor says of itself to those who are logged in."""

    read_only: bool | None = None
    registry_storage_provider_name: str | None = None


class Volume(HarborObject):
    """A disk, in bytes."""

    total: int
    free: int


class Volumes(HarborObject):
    """The disks of Harbor's core."""

    storage: list[Volume] | None = None


class QuotaProject(HarborObject):
    """The project of a quota."""

    name: str | None = None


class QuotaAnswer(HarborObject):
    """A quota, of which moor knows that of storage, in bytes; -1 is none."""

    hard: dict[str, int]
    used: dict[str, int]
    ref: QuotaProject | None = None


class ScheduleAnswer(HarborObject):
    """A schedule of the system."""

    schedule: dict[str, Any] | None = None
    update_time: str | None = None


class RunAnswer(HarborObject):
    """A run of a job."""

    id: int


class PolicyAnswer(HarborObject):
    """A replication rule."""

    id: int
    name: str
    enabled: bool | None = None
    trigger: dict[str, Any] | None = None
    update_time: str | None = None


class Queue(HarborObject):
    """A queue of the job service."""

    job_type: str
    paused: bool | None = None


PAGE = 100  # the largest that Harbor gives
NOT_FOUND = 404
NO_SCANNER = 412
NOT_SERVED = (NOT_FOUND, 501)


@dataclass(frozen=True)
class IfServed:
    """A list that a Harbor may not have, such as an older one; then it is empty."""

    listing: Listing

    def ask(self, harbor: Harbor) -> list[dict[str, Any]]:
        """Ask for all entries; most lists are one page."""
        answer = harbor.ask("GET", f"{API}{self.listing.path}", query={"page": "1", "page_size": str(PAGE)})
        if answer.status_code in NOT_SERVED:
            return []
        found = parse_answer(self.listing.shape, require_success(answer)) or []
        return list(found) if len(found) < PAGE else self.listing.ask(harbor)


SYSTEM = Single("/systeminfo", Shape(SystemState))
VOLUMES = Single("/systeminfo/volumes", Shape(Volumes))
QUOTAS = IfServed(Listing("/quotas", Shape(list[QuotaAnswer] | None)))
POLICIES = IfServed(Listing("/replication/policies", Shape(list[PolicyAnswer] | None)))
QUEUES = Single("/jobservice/queues", Shape(list[Queue] | None))
RUNS = Shape(list[RunAnswer] | None)
SCHEDULE = Shape(ScheduleAnswer)
LAST_RUNS = 10


@dataclass(frozen=True)
class LastRuns:
    """The newest runs of a job."""

    path: str
    query: tuple[tuple[str, str], ...] = ()
    sort: str = "-creation_time"

    def ask(self, harbor: Harbor) -> list[dict[str, Any]]:
        """Ask for the first page."""
        query = {**dict(self.query), "page_size": str(LAST_RUNS), "sort": self.sort}
        return list(harbor.get(f"{API}{self.path}", RUNS, query) or ())


@dataclass(frozen=True)
class Schedule:
    """The schedule of a job of the system; Harbor answers an empty body without one, and 412 without a scanner."""

    path: str

    def ask(self, harbor: Harbor) -> dict[str, Any] | None:
        """Ask for it."""
        answer = harbor.ask("GET", f"{API}{self.path}")
        if answer.status_code in (NOT_FOUND, NO_SCANNER) or (answer.is_success and not answer.content.strip()):
            return None
        found: dict[str, Any] = parse_answer(SCHEDULE, require_success(answer))
        return found


def executions_of(policies: Iterable[dict[str, Any]]) -> dict[int, LastRuns]:
    """Return the question for the last executions of each replication rule."""
    path = "/replication/executions"
    return {one["id"]: LastRuns(path, (("policy_id", str(one["id"])),), "-start_time") for one in policies}
