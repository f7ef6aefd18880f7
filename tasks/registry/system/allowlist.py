"""The vulnerabilities that Harbor lets pass in all projects that have no list of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any

from nornir.core.task import Task
from pydantic import AfterValidator

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import Shape
from moor.resources.base import State
from moor.settings.section import StrictModel
from moor.tasks.registry.answers import API, Answers, Question, Single
from moor.tasks.registry.project.number import AllowlistAnswer
from moor.tasks.registry.project.policy import NEVER_EXPIRES, CveId, end_of
from moor.tasks.registry.thing import Thing


def check_each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of vulnerabilities, sorted; raise ValueError for one that stands twice."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{twice[0]} stands twice")
    return tuple(sorted(names))


class SystemAllowlist(StrictModel):
    """Vulnerabilities that are let pass.

    Attributes:
        cves: list, such as ``CVE-2024-3094``
        expires: its last day
    """

    cves: Annotated[tuple[CveId, ...], AfterValidator(check_each_once)] = ()
    expires: date | None = None


ALLOWLIST = Single("/system/CVEAllowlist", Shape(AllowlistAnswer))


def payload_of(wanted: SystemAllowlist) -> dict[str, Any]:
    """Return what Harbor is sent."""
    sent: dict[str, Any] = {"items": [{"cve_id": name} for name in wanted.cves]}
    return sent | {"expires_at": end_of(wanted.expires)}


def allowlist_of(answer: Mapping[str, Any]) -> SystemAllowlist:
    """Return the model of Harbor's answer."""
    ends = max(answer.get("expires_at") or 0, 0)
    return SystemAllowlist.model_construct(
        cves=tuple(sorted(one["cve_id"] for one in answer.get("items") or ())),
        expires=datetime.fromtimestamp(ends, UTC).date() if ends else None,
    )


@dataclass(frozen=True)
class SystemAllowlistThing(Thing):
    """The allow list of the system."""

    wanted: SystemAllowlist

    @property
    def id(self) -> str:
        return "cve-allowlist:system"

    def desired(self, actual: State | None) -> State:
        return fields_of(self.wanted)

    def first_questions(self) -> Iterable[Question]:
        return (ALLOWLIST,)

    def found(self, answers: Answers, task: Task) -> State | None:
        return fields_of(allowlist_of(answers.one(ALLOWLIST) or {}))

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        harbor.change("PUT", f"{API}/system/CVEAllowlist", payload_of(self.wanted))


def fields_of(wanted: SystemAllowlist) -> dict[str, str]:
    """Return the list as text, one vulnerability a line, so that a plan shows which ones change."""
    ends = wanted.expires.isoformat() if wanted.expires else NEVER_EXPIRES
    return {"cves": "\n".join(wanted.cves), "expires": ends}
