"""What Harbor does by the clock: garbage collection, scans of everything, and purges of audit logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from nornir.core.task import Task
from pydantic import AfterValidator, Field, model_validator

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.formats.nesting import parse_object
from moor.resources.base import State
from moor.settings.section import StrictModel
from moor.tasks.registry.answers import API, Answers, Question
from moor.tasks.registry.cron import NICKNAMES, cron_of
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.releases import Since, Until
from moor.tasks.registry.system.general import AuditEvent, in_order
from moor.tasks.registry.thing import Thing

NEVER = "none"
NO_SCANNER = 412
LONGEST_H = 240_000


def schedule_of(text: str) -> str:
    """Return a schedule as Harbor keeps it, or ``none``; raise ValueError for what Harbor would not take."""
    return NEVER if text == NEVER else cron_of(text)


When = Annotated[str, AfterValidator(schedule_of)]


class GarbageCollection(StrictModel):
    """When Harbor removes what no image needs any more.

    Attributes:
        schedule: ``hourly``, ``daily``, ``weekly``, six fields with the seconds first, or ``none``
        delete_untagged: remove images without a tag too
        delete_tags: remove tags with their image; since 2.15
        workers: 1 to 10; since 2.9
        dry_run: count what would go, and remove nothing
    """

    schedule: When
    delete_untagged: bool = False
    delete_tags: Annotated[bool | None, Since(2, 15)] = None
    workers: Annotated[int | None, Field(ge=1, le=10), Since(2, 9)] = None
    dry_run: bool = False


class ScanAll(StrictModel):
    """When Harbor scans everything that it holds.

    Attributes:
        schedule: ``hourly``, ``daily``, ``weekly``, six fields with the seconds first, or ``none``
    """

    schedule: When


class PurgeAudit(StrictModel):
    """When Harbor removes old entries of its audit log.

    Attributes:
        schedule: ``hourly``, ``daily``, ``weekly``, six fields with the seconds first, or ``none``
        keep_hours: how old an entry must be
        operations: list of ``create``, ``delete``, ``pull``; until 2.12
        events: list, such as ``pull_artifact``; since 2.13
        dry_run: count what would go, and remove nothing
    """

    schedule: When
    keep_hours: Annotated[int, Field(ge=1, le=LONGEST_H)] = 168
    operations: Annotated[
        tuple[Literal["create", "delete", "pull"], ...] | None, AfterValidator(in_order), Until(2, 12)
    ] = None
    events: Annotated[tuple[AuditEvent, ...] | None, AfterValidator(in_order), Since(2, 13)] = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _says_what(self) -> PurgeAudit:
        if self.operations and self.events:
            raise ValueError("operations are of Harbor up to 2.12, events since 2.13; write one of them")
        if self.schedule != NEVER and not self.operations and not self.events:
            raise ValueError("write what is removed: operations (Harbor up to 2.12), or events (since 2.13)")
        return self


Schedule = GarbageCollection | ScanAll | PurgeAudit
PARAMETERS: dict[type[StrictModel], dict[str, str]] = {  # field to Harbor's name
    GarbageCollection: {
        "delete_untagged": "delete_untagged",
        "delete_tags": "delete_tag",
        "workers": "workers",
        "dry_run": "dry_run",
    },
    ScanAll: {},
    PurgeAudit: {
        "keep_hours": "audit_retention_hour",
        "operations": "include_operations",
        "events": "include_event_types",
        "dry_run": "dry_run",
    },
}
PLACES: dict[type[StrictModel], tuple[str, str]] = {  # the key of the inventory, and the path below /system
    GarbageCollection: ("gc", "gc"),
    ScanAll: ("scan_all", "scanAll"),
    PurgeAudit: ("purge_audit", "purgeaudit"),
}


def payload_of(wanted: Schedule) -> dict[str, Any]:
    """Return what Harbor is sent."""
    if wanted.schedule == NEVER:
        return {"schedule": {"type": "None", "cron": ""}}
    kinds = {cron: nickname.title() for nickname, cron in NICKNAMES.items()}
    sent: dict[str, Any] = {"schedule": {"type": kinds.get(wanted.schedule, "Custom"), "cron": wanted.schedule}}
    fields = {name: getattr(wanted, field) for field, name in PARAMETERS[type(wanted)].items()}
    values = {name: ",".join(one) if isinstance(one, tuple) else one for name, one in fields.items() if one is not None}
    return sent | ({"parameters": values} if values else {})


def schedule_from(kind: type[Schedule], answer: Mapping[str, Any] | None) -> Schedule:
    """Return the model of Harbor's answer, None for no schedule; a parameter that is missing is off."""
    if not answer or not (cron := (answer.get("schedule") or {}).get("cron")):
        return kind.model_construct(schedule=NEVER)
    given = parameters_of(answer)
    found = {field: given[name] for field, name in PARAMETERS[kind].items() if name in given}
    lists = {
        field: tuple(sorted(str(found[field]).split(","))) for field in ("operations", "events") if found.get(field)
    }
    return kind.model_construct(schedule=cron, **found | lists)


def parameters_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schedule's parameters, which Harbor gives as JSON in a text."""
    return parse_object(answer.get("job_parameters") or "{}")


class ScheduleTimes(HarborObject):
    """When something is done."""

    cron: str | None = None


class ScheduleAnswer(HarborObject):
    """A schedule."""

    schedule: ScheduleTimes | None = None
    job_parameters: str | None = None


SHAPE = Shape(ScheduleAnswer)


@dataclass(frozen=True)
class ScheduleQuestion:
    """A schedule of Harbor's: an empty answer where there is none, and 412 for scans where there is no scanner."""

    path: str

    def ask(self, harbor: Harbor) -> dict[str, Any]:
        """Return the schedule, empty if there is none; ``{"scanner": False}`` where nothing could scan."""
        answer = harbor.ask("GET", f"{API}/system/{self.path}/schedule")
        if answer.status_code == NO_SCANNER:
            return {"scanner": False}
        if answer.is_success and not answer.content.strip():
            return {}
        found: dict[str, Any] = harbor.get(f"{API}/system/{self.path}/schedule", SHAPE) or {}
        return found


@dataclass(frozen=True)
class ScheduleThing(Thing):
    """One schedule of Harbor's.

    Attributes:
        gets_scanner: whether the inventory has a scanner, which is made first
    """

    wanted: Schedule
    gets_scanner: bool = False

    @property
    def id(self) -> str:
        return f"schedule:{PLACES[type(self.wanted)][0].replace('_', '-')}"

    @property
    def question(self) -> ScheduleQuestion:
        """Return the question that reads it."""
        return ScheduleQuestion(PLACES[type(self.wanted)][1])

    def desired(self, actual: State | None) -> State:
        fields = flatten(self.wanted)
        return {"schedule": NEVER} if self.wanted.schedule == NEVER else fields

    def refusal(self, actual: State | None, desired: State | None) -> str:
        if actual is None or "scanner" not in actual or self.gets_scanner or self.wanted.schedule == NEVER:
            return ""
        return (
            f"{self.id}: Harbor has no scanner, so that nothing can be scanned; name one below "
            "data.harbor_system.scanners, or install Harbor with the flag --with-trivy"
        )

    def first_questions(self) -> Iterable[Question]:
        return (self.question,)

    def found(self, answers: Answers, task: Task) -> State | None:
        answer = answers.one(self.question) or {}
        fields = flatten(schedule_from(type(self.wanted), answer))
        return {**fields, "scanner": "none"} if answer.get("scanner") is False else fields

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        # PUT makes one too; POST refuses to replace one of scans, and answers 201 to the others all the same.
        harbor.change("PUT", f"{API}/system/{self.question.path}/schedule", payload_of(self.wanted))
