"""A project's quota: how many bytes its images may take."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from nornir.core.task import Task
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.errors import ErrorKind, HostError
from moor.resources.base import State
from moor.tasks.registry.answers import API, Answers, Listing, Question
from moor.tasks.registry.project.number import PROJECTS, present_number, project_number
from moor.tasks.registry.thing import Thing

NO_LIMIT, UNLIMITED = -1, "unlimited"
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
LARGEST = 1024**5  # bytes; what Harbor's own pages take
AMOUNT = re.compile(rf"(\d+) ?({'|'.join(UNITS)})")


def bytes_of(value: object) -> object:
    """Return a quota in bytes, -1 for ``unlimited``; raise ValueError for a text that is neither."""
    if value == UNLIMITED:
        return NO_LIMIT
    if isinstance(value, bool):
        raise ValueError(f"write an amount such as 50 GiB, or {UNLIMITED}")
    if not isinstance(value, str):
        return value
    if not (found := AMOUNT.fullmatch(value)):
        raise ValueError(f"{value!r} is no amount; write such as 50 GiB ({', '.join(UNITS)}), or {UNLIMITED}")
    return int(found[1]) * 1024 ** UNITS.index(found[2])


def amount(count: int) -> str:
    """Return bytes in the largest unit that leaves a whole number."""
    if count == NO_LIMIT:
        return UNLIMITED
    power = next(p for p in reversed(range(len(UNITS))) if count % 1024**p == 0)
    return f"{count // 1024**power} {UNITS[power]}"


def about(count: int) -> str:
    """Return bytes in the largest unit of which there is at least one, rounded."""
    power = next(p for p in reversed(range(len(UNITS))) if count >= 1024**p or p == 0)
    return f"{count / 1024**power:.1f} {UNITS[power]}" if power else f"{count} B"


def _at_least_a_byte(count: int) -> int:
    if count == 0:
        raise ValueError(f"Harbor takes no quota of 0; write an amount, or {UNLIMITED}")
    return count


Quota = Annotated[
    int,
    BeforeValidator(bytes_of),
    Field(ge=NO_LIMIT, le=LARGEST),
    AfterValidator(_at_least_a_byte),
    PlainSerializer(amount),
]
"""Bytes; the inventory writes 50 GiB, or unlimited."""


class StorageAnswer(HarborObject):
    """An amount of storage in bytes."""

    storage: int = NO_LIMIT


class ReferenceAnswer(HarborObject):
    """The project that a quota is of."""

    id: int


class QuotaAnswer(HarborObject):
    """A quota; Harbor leaves out what is used as long as that is nothing."""

    id: int
    ref: ReferenceAnswer
    hard: StorageAnswer
    used: StorageAnswer | None = None


QUOTAS = Listing("/quotas", Shape(list[QuotaAnswer]), (("reference", "project"),))


def payload_of(quota: int) -> dict[str, Any]:
    """Return what Harbor is sent for a quota."""
    return {"hard": {"storage": quota}}


def quota_of(answer: Mapping[str, Any]) -> int:
    """Return the quota of Harbor's answer, in bytes."""
    return int(answer["hard"].get("storage", NO_LIMIT))


def used_in(answer: Mapping[str, Any]) -> int:
    """Return the bytes that a project uses by Harbor's answer."""
    return max(int((answer.get("used") or {}).get("storage", 0)), 0)


def find_quota(answers: Answers, project: int) -> dict[str, Any] | None:
    """Return Harbor's quota of a project, by the project's number."""
    by_project = answers.derived("by project", QUOTAS, lambda entries: {one["ref"]["id"]: one for one in entries})
    found: dict[str, Any] | None = by_project.get(project)
    return found


@dataclass(frozen=True)
class QuotaThing(Thing):
    """A project's quota. A project has one as soon as it exists, so that this is never made or removed."""

    project: str
    quota: int

    @property
    def id(self) -> str:
        return f"quota:{self.project}"

    def desired(self, actual: State | None) -> State:
        return {"quota": amount(self.quota)}

    def first_questions(self) -> Iterable[Question]:
        return (PROJECTS, QUOTAS)

    def found(self, answers: Answers, task: Task) -> State | None:
        number = project_number(answers, self.project)
        answer = find_quota(answers, number) if number is not None else None
        return {"quota": amount(quota_of(answer))} if answer else None

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        query = {"reference": "project", "reference_id": str(present_number(harbor, self.project))}
        found = harbor.get(f"{API}/quotas", QUOTAS.shape, query)
        if not found:
            raise HostError(f"{self.id}: Harbor lists no quota of the project; run again", ErrorKind.ANSWER)
        harbor.change("PUT", f"{API}/quotas/{found[0]['id']}", payload_of(self.quota))
