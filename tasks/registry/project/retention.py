"""A project's retention: which of its artifacts Harbor keeps when the schedule comes; all others it deletes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from nornir.core.task import Task
from pydantic import Field, model_validator

from moor.connections.apis.harbor import Harbor, require_success
from moor.connections.apis.harbor_answers import HarborObject, Shape, parse_answer
from moor.errors import FieldErrors
from moor.formats.nesting import parse_json
from moor.resources.base import State
from moor.settings.section import StrictModel
from moor.tasks.registry.answers import API, BY_NAME, Answers, Question
from moor.tasks.registry.cron import Cron
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.project.number import ONE_PROJECT, PROJECTS, find_project, present_number
from moor.tasks.registry.project.selectors import (
    ScopeAnswer,
    Selection,
    SelectorAnswer,
    both_given,
    selection_in,
    selectors_of,
)
from moor.tasks.registry.thing import Thing

Keep = Literal["latest_pushed", "latest_pulled", "pushed_within_days", "pulled_within_days", "always"]
TEMPLATES: dict[Keep, str] = {
    "latest_pushed": "latestPushedK",
    "latest_pulled": "latestPulledN",
    "pushed_within_days": "nDaysSinceLastPush",
    "pulled_within_days": "nDaysSinceLastPull",
    "always": "always",
}
MOST_RULES = 15  # of a policy; Harbor's own limit
NUMBER = "retention_id"  # the key of a project's metadata that has its policy's id


class RetentionRule(Selection):
    """One rule: what it keeps. An artifact that no rule keeps is deleted.

    Attributes:
        keep: ``latest_pushed``, ``latest_pulled``, ``pushed_within_days``, ``pulled_within_days`` or ``always``
        count: of images or days; ``always`` has none
        untagged: keep images without a tag too
        enabled: ``false`` for a rule that is written down and keeps nothing
    """

    keep: Keep
    count: Annotated[int, Field(ge=1, le=15_000)] | None = None
    untagged: bool = True
    enabled: bool = True

    @model_validator(mode="after")
    def _complete(self) -> RetentionRule:
        found = list(both_given(self))
        if self.keep == "always" and self.count is not None:
            found.append((("count",), "always keeps everything; drop count"))
        if self.keep != "always" and self.count is None:
            found.append((("count",), f"is missing: how many {'days' if self.keep.endswith('days') else 'artifacts'}"))
        if found:
            raise FieldErrors(found)
        return self

    def __str__(self) -> str:
        count = "" if self.count is None else f" {self.count}"
        return (
            f"{self.keep}{count}: {self.chosen}{'' if self.untagged else ', not untagged ones'}"
            f"{'' if self.enabled else ' (not enabled)'}"
        )


class Retention(StrictModel):
    """A project's retention policy.

    Attributes:
        schedule: when it runs: six fields, seconds first, or ``hourly``, ``daily``, ``weekly``
        rules: list; an image that no rule keeps is deleted
    """

    schedule: Cron | None = None
    rules: Annotated[tuple[RetentionRule, ...], Field(max_length=MOST_RULES)] = ()

    @model_validator(mode="after")
    def _keeps_something(self) -> Retention:
        lines = [str(rule) for rule in self.rules]
        twice = [at for at, line in enumerate(lines) if line in lines[:at]]
        if twice:
            raise FieldErrors([(("rules", str(at)), f"{lines[at]}: there is such a rule already") for at in twice])
        if self.schedule and not any(rule.enabled for rule in self.rules):
            raise FieldErrors([(("rules",), "a schedule without a rule that is enabled; add one, or drop schedule")])
        return self


class RuleAnswer(HarborObject):
    """One rule of Harbor's."""

    template: str
    params: dict[str, int] | None = None
    disabled: bool = False
    tag_selectors: list[SelectorAnswer] | None = None
    scope_selectors: ScopeAnswer | None = None


class TriggerSettings(HarborObject):
    """A policy's schedule; Harbor adds when it runs next."""

    cron: str = ""


class TriggerAnswer(HarborObject):
    """What starts a policy."""

    settings: TriggerSettings | None = None


class RetentionAnswer(HarborObject):
    """A retention policy."""

    id: int
    rules: list[RuleAnswer] | None = None
    trigger: TriggerAnswer | None = None


POLICY = Shape(RetentionAnswer)


def payload_of(retention: Retention) -> dict[str, Any]:
    """Return what Harbor is sent for a policy, without its project."""
    trigger = {"kind": "Schedule", "settings": {"cron": retention.schedule or ""}, "references": {}}
    return {"algorithm": "or", "rules": [_rule_payload(rule) for rule in retention.rules], "trigger": trigger}


def _rule_payload(rule: RetentionRule) -> dict[str, Any]:
    template = TEMPLATES[rule.keep]
    return {
        "action": "retain",
        "template": template,
        "params": {} if rule.count is None else {template: rule.count},
        "disabled": not rule.enabled,
        **selectors_of(rule, json.dumps({"untagged": rule.untagged}, separators=(",", ":"))),
    }


def retention_of(answer: Mapping[str, Any]) -> Retention:
    """Return the policy of Harbor's answer, unchecked: somebody may have made one that moor would not."""
    settings = (answer.get("trigger") or {}).get("settings") or {}
    rules = tuple(_rule_of(rule) for rule in answer.get("rules") or ())
    return Retention.model_construct(schedule=settings.get("cron") or None, rules=rules)


def _rule_of(answer: Mapping[str, Any]) -> RetentionRule:
    keep = next((word for word, template in TEMPLATES.items() if template == answer["template"]), answer["template"])
    count = next(iter((answer.get("params") or {}).values()), None)
    tags = (answer.get("tag_selectors") or [{}])[0]
    fields: dict[str, Any] = {
        "keep": keep,
        "count": count,
        "untagged": _untagged(tags.get("extras", ""), tags.get("decoration", "")),
        "enabled": not answer.get("disabled", False),
        **selection_in(answer),
    }
    return RetentionRule.model_construct(**fields)


def _untagged(extras: str, decoration: str) -> bool:
    """Return whether a rule keeps untagged artifacts; one that says nothing does, unless it excludes tags."""
    try:
        found = parse_json(extras) if extras else {}
    except ValueError:
        return False
    return bool(found.get("untagged", decoration != "excludes")) if isinstance(found, dict) else False


def state_of(retention: Retention) -> State:
    """Return a policy's fields; no schedule is a field too, since one that was made by hand is to go."""
    return {"schedule": "none", **flatten(retention)}


@dataclass(frozen=True)
class RetentionThing(Thing):
    """A project's retention policy, with exactly these rules.

    To remove it is to empty it: a policy that is deleted leaves its number behind in the project, and Harbor then
    refuses another one.
    """

    project: str
    retention: Retention

    @property
    def id(self) -> str:
        return f"retention:{self.project}"

    def desired(self, actual: State | None) -> State | None:
        return state_of(self.retention) if self.retention.rules else None

    def first_questions(self) -> Iterable[Question]:
        return (PROJECTS,)

    def next_questions(self, answers: Answers) -> Iterable[Question]:
        number = _policy_number(answers, self.project)
        return (Policy(number),) if number else ()

    def found(self, answers: Answers, task: Task) -> State | None:
        number = _policy_number(answers, self.project)
        answer = answers.one(Policy(number)) if number else None
        held = retention_of(answer) if answer else None
        return state_of(held) if held and held.rules else None

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        number = present_number(harbor, self.project)
        payload = {**payload_of(self.retention), "scope": {"level": "project", "ref": number}}
        held = _held_policy(harbor, self.project)
        if held is not None:
            harbor.change("PUT", f"{API}/retentions/{held}", {**payload, "id": held})
        else:
            harbor.change("POST", f"{API}/retentions", payload)


@dataclass(frozen=True)
class Policy:
    """The question for one policy by its number; Harbor answers 500 instead of 404 for one that was deleted."""

    number: str

    def ask(self, harbor: Harbor) -> Any:
        """Return the policy, None if it does not exist."""
        answer = harbor.ask("GET", f"{API}/retentions/{self.number}")
        return None if answer.status_code in (404, 500) else parse_answer(POLICY, require_success(answer))


def _policy_number(answers: Answers, project: str) -> str:
    """Return the number of a project's policy as its metadata has it; empty without one."""
    found = find_project(answers, project)
    return str(((found or {}).get("metadata") or {}).get(NUMBER, ""))


def _held_policy(harbor: Harbor, project: str) -> int | None:
    """Return the id of the project's policy; a number without one goes, since Harbor makes none beside it."""
    found = harbor.get(f"{API}/projects/{project}", ONE_PROJECT, headers=BY_NAME) or {}
    number = str((found.get("metadata") or {}).get(NUMBER, ""))
    if not number:
        return None
    if Policy(number).ask(harbor) is None:
        harbor.change("DELETE", f"{API}/projects/{project}/metadatas/{NUMBER}", None, BY_NAME)
        return None
    return int(number)
