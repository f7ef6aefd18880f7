"""Rules of immutable tags: tags that nobody can move or delete."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task
from pydantic import model_validator

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.errors import FieldErrors
from moor.resources.base import State
from moor.tasks.registry.answers import API, Answers, Listing, Question
from moor.tasks.registry.flat import text_of
from moor.tasks.registry.project.number import PROJECTS, Place, present_number, project_number
from moor.tasks.registry.project.selectors import (
    ScopeAnswer,
    Selection,
    SelectorAnswer,
    both_given,
    selection_in,
    selectors_of,
)
from moor.tasks.registry.thing import Thing, Unlisted


class ImmutableRule(Selection):
    """One rule: the tags that stay as they are.

    Attributes:
        enabled: ``false`` for a rule that protects nothing
    """

    enabled: bool = True

    @model_validator(mode="after")
    def _one_of_both(self) -> ImmutableRule:
        if found := list(both_given(self)):
            raise FieldErrors(found)
        return self


class RuleAnswer(HarborObject):
    """One rule of Harbor's."""

    id: int
    disabled: bool = False
    tag_selectors: list[SelectorAnswer] | None = None
    scope_selectors: ScopeAnswer | None = None


RULES = Shape(list[RuleAnswer])


def rules_of(project: int) -> Listing:
    """Return the list of a project's rules, by its number."""
    return Listing(f"/projects/{project}/immutabletagrules", RULES)


def payload_of(rule: ImmutableRule) -> dict[str, Any]:
    """Return what Harbor is sent for a rule."""
    fixed = {"action": "immutable", "template": "immutable_template", "params": {}}
    return {**fixed, "disabled": not rule.enabled, **selectors_of(rule)}


def rule_of(answer: Mapping[str, Any]) -> ImmutableRule:
    """Return the rule of Harbor's answer, unchecked."""
    fields: dict[str, Any] = {"enabled": not answer.get("disabled", False), **selection_in(answer)}
    return ImmutableRule.model_construct(**fields)


def state_of(rule: ImmutableRule) -> dict[str, str]:
    """Return a rule's fields: what it chooses is its name, so that only this is left."""
    return {"enabled": text_of(rule.enabled)}


@dataclass(frozen=True)
class ImmutableRuleThing(Thing):
    """One rule of a project. What it chooses is its identity: one that chooses something else is another rule."""

    project: str
    rule: ImmutableRule

    @property
    def id(self) -> str:
        return f"immutable:{self.project}: {self.rule.chosen}"

    def desired(self, actual: State | None) -> State:
        return state_of(self.rule)

    def first_questions(self) -> Iterable[Question]:
        return (PROJECTS,)

    def next_questions(self, answers: Answers) -> Iterable[Question]:
        number = project_number(answers, self.project)
        return () if number is None else (rules_of(number),)

    def found(self, answers: Answers, task: Task) -> State | None:
        number = project_number(answers, self.project)
        for answer in () if number is None else answers.every(rules_of(number)):
            held = rule_of(answer)
            if held.chosen == self.rule.chosen:
                return {**state_of(held), "id": str(answer["id"])}
        return None

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        path = f"{API}/projects/{present_number(harbor, self.project)}/immutabletagrules"
        if actual is None:
            harbor.change("POST", path, payload_of(self.rule))
        else:
            number = int(str(actual["id"]))
            harbor.change("PUT", f"{path}/{number}", {"id": number, **payload_of(self.rule)})


def unlisted_rules(place: Place, listed: Collection[ImmutableRule]) -> Iterator[Unlisted]:
    """Yield the rules that are not listed."""
    known = {rule.chosen for rule in listed}
    for answer in place.answers.every(rules_of(place.number)):
        rule = rule_of(answer)
        if rule.chosen not in known:
            name, path = (
                f"immutable:{place.name}: {rule.chosen}",
                f"/projects/{place.number}/immutabletagrules/{answer['id']}",
            )
            yield Unlisted(name, tuple(state_of(rule).items()), rules_of(place.number), answer["id"], (path,))
