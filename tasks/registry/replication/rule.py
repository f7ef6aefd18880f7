"""Replication rules: what Harbor copies to or from an endpoint, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from nornir.core.task import Task
from pydantic import Field, model_validator

from moor.connections.apis.harbor import Harbor
from moor.errors import FieldErrors
from moor.resources.base import State, Value
from moor.settings.section import StrictModel
from moor.tasks.registry.answers import API, Answers, Question
from moor.tasks.registry.cron import Cron
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.replication.endpoint import ENDPOINTS, EndpointName, present_endpoint
from moor.tasks.registry.replication.rule_answers import RULES, find_rule, present_rule
from moor.tasks.registry.thing import Thing

MANUAL, EVENT, SCHEDULE = "manual", "event", "schedule"
HARBORS_WORDS = {MANUAL: "manual", EVENT: "event_based", SCHEDULE: "scheduled"}
OUR_WORDS = {theirs: ours for ours, theirs in HARBORS_WORDS.items()}
MATCHES, EXCLUDES = "matches", "excludes"
Pattern = Annotated[str, Field(min_length=1, pattern=r"^\S+$")]
NO_LIMIT = 0


class Tags(StrictModel):
    """Which tags a rule copies: those that match a pattern, or those that do not.

    Attributes:
        matching: a pattern of the tags to copy
        excluding: a pattern of the tags to leave out; one of the two
    """

    matching: Pattern | None = None
    excluding: Pattern | None = None

    @model_validator(mode="after")
    def _one(self) -> Tags:
        if (self.matching is None) == (self.excluding is None):
            raise ValueError("write matching or excluding, one of them")
        return self


class Rule(StrictModel):
    """A replication rule of Harbor's.

    It has one endpoint: ``push_to`` or ``pull_from``.

    Attributes:
        push_to: the endpoint that it copies to
        pull_from: the endpoint that it copies from
        names: the repositories, by a pattern such as ``shop/**``; else all
        tags: the tags; else all
        namespace: what repositories go below at the destination; else they keep their names
        replaced_levels: how many parts of a name ``namespace`` replaces; -1 for all but the last one
        trigger: ``event``: every push; ``schedule``
        cron: the schedule, six fields
        enabled: whether it runs
        override: whether it replaces what has the same name and tag at the destination
        deletions: whether deletions are carried over too; with ``trigger: event``
        speed_kb: the most KB in a second; 0 for no limit
        by_chunk: whether blobs are copied in chunks
        description: for people
    """

    push_to: EndpointName | None = None
    pull_from: EndpointName | None = None
    names: Pattern | None = None
    tags: Tags | None = None
    namespace: Annotated[str, Field(pattern=r"^[a-z0-9]+(?:[._/-][a-z0-9]+)*$")] | None = None
    replaced_levels: Annotated[int, Field(ge=-1, le=3)] = -1
    trigger: Literal["manual", "event", "schedule"] = "manual"
    cron: Cron | None = None
    enabled: bool = True
    override: bool = True
    deletions: bool = False
    speed_kb: Annotated[int, Field(ge=0)] = NO_LIMIT
    by_chunk: bool = False
    description: Annotated[str, Field(max_length=1024)] = ""

    @model_validator(mode="after")
    def _whole(self) -> Rule:
        if found := list(self._faults()):
            raise FieldErrors(found)
        return self

    def _faults(self) -> Iterable[tuple[tuple[str, ...], str]]:
        if (self.push_to is None) == (self.pull_from is None):
            yield ("push_to",), "a rule has one endpoint; write push_to or pull_from, one of them"
        if self.trigger == SCHEDULE and self.cron is None:
            yield ("cron",), "is missing; a trigger by schedule needs it"
        if self.trigger != SCHEDULE and self.cron is not None:
            yield ("cron",), "it is for trigger: schedule; write that, or drop it"
        if self.cron is not None and self.cron.split()[1] == "*":
            yield ("cron",), "Harbor does not replicate every minute; write such as */5 for the minutes"
        if self.trigger == EVENT and self.pull_from:
            yield ("trigger",), "Harbor learns nothing of pushes to another registry; write schedule or manual"
        if self.deletions and self.trigger != EVENT:
            yield ("deletions",), "Harbor carries deletions over as they happen; write trigger: event, or drop it"


def payload_of(name: str, rule: Rule, endpoint: int) -> dict[str, Any]:
    """Return what Harbor is sent for a rule.

    Args:
        endpoint: the id of its endpoint
    """
    ends = {"dest_registry": {"id": endpoint}} if rule.push_to else {"src_registry": {"id": endpoint}}
    trigger: dict[str, Any] = {"type": HARBORS_WORDS[rule.trigger]}
    if rule.cron:
        trigger["trigger_settings"] = {"cron": rule.cron}
    return ends | {
        "name": name,
        "description": rule.description,
        "dest_namespace": rule.namespace or "",
        "dest_namespace_replace_count": rule.replaced_levels,
        "filters": _filters(rule),
        "trigger": trigger,
        "enabled": rule.enabled,
        "override": rule.override,
        "replicate_deletion": rule.deletions,
        "deletion": rule.deletions,
        "speed": rule.speed_kb or -1,
        "copy_by_chunk": rule.by_chunk,
    }


def _filters(rule: Rule) -> list[dict[str, str]]:
    found = [{"type": "name", "value": rule.names}] if rule.names else []
    if rule.tags and rule.tags.matching:
        found.append({"type": "tag", "value": rule.tags.matching, "decoration": MATCHES})
    if rule.tags and rule.tags.excluding:
        found.append({"type": "tag", "value": rule.tags.excluding, "decoration": EXCLUDES})
    return found


def rule_of(answer: Mapping[str, Any]) -> Rule:
    """Return the rule of Harbor's answer; filters that moor does not write are left out."""
    source, sink = answer.get("src_registry") or {}, answer.get("dest_registry") or {}
    filters = {one.get("type"): one for one in answer.get("filters") or ()}
    trigger = answer.get("trigger") or {}
    names, tags = filters.get("name", {}).get("value"), filters.get("tag") or {}
    field = "excluding" if tags.get("decoration") == EXCLUDES else "matching"
    return Rule.model_construct(
        push_to=sink.get("name") if sink.get("id") else None,
        pull_from=source.get("name") if source.get("id") else None,
        names=names or None,
        tags=Tags.model_validate({field: tags["value"]}) if tags.get("value") else None,
        namespace=answer.get("dest_namespace") or None,
        replaced_levels=answer.get("dest_namespace_replace_count", -1),
        trigger=OUR_WORDS.get(trigger.get("type", ""), MANUAL),
        cron=(trigger.get("trigger_settings") or {}).get("cron") or None,
        enabled=bool(answer.get("enabled")),
        override=bool(answer.get("override")),
        deletions=bool(answer.get("replicate_deletion") or answer.get("deletion")),
        speed_kb=max(int(answer.get("speed") or 0), NO_LIMIT),
        by_chunk=bool(answer.get("copy_by_chunk")),
        description=answer.get("description") or "",
    )


# What a field that is not written means, shown where Harbor has one.
UNWRITTEN = {"names": "(all)", "tags.matching": "(all)", "tags.excluding": "(none)", "namespace": "(kept)"}


def desired_state(rule: Rule, actual: State | None) -> dict[str, Value]:
    """Return a rule as a plan compares it; what Harbor has and the rule does not is a word, so that it shows."""
    found = flatten(rule)
    return {**{key: UNWRITTEN.get(key, "(none)") for key in actual or () if key not in found}, **found}


@dataclass(frozen=True)
class RuleThing(Thing):
    """A replication rule of Harbor's."""

    name: str
    rule: Rule

    @property
    def id(self) -> str:
        return f"replication:{self.name}"

    def desired(self, actual: State | None) -> State:
        return desired_state(self.rule, actual)

    def first_questions(self) -> Iterable[Question]:
        return (ENDPOINTS, RULES)

    def found(self, answers: Answers, task: Task) -> State | None:
        answer = find_rule(answers, self.name)
        return flatten(rule_of(answer)) if answer else None

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        endpoint = present_endpoint(harbor, self.rule.push_to or self.rule.pull_from or "")
        body = payload_of(self.name, self.rule, endpoint["id"])
        if actual is None:
            harbor.change("POST", f"{API}/replication/policies", body)
            return
        harbor.change("PUT", f"{API}/replication/policies/{present_rule(harbor, self.name)['id']}", body)
