"""The things of one project of a running Harbor, kind by kind, as the inventory's models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moor.tasks.registry.answers import Question
from moor.tasks.registry.export.source import Entry, Source
from moor.tasks.registry.generations import Account, account_in
from moor.tasks.registry.project.immutable import ImmutableRule, rule_of, rules_of
from moor.tasks.registry.project.labels import Label, label_of, labels_of
from moor.tasks.registry.project.members import (
    FIRST_USER,
    GROUP,
    GROUP_TYPES,
    USER,
    USER_GROUPS,
    Group,
    members_of,
    role_of,
)
from moor.tasks.registry.project.quota import NO_LIMIT, find_quota, quota_of
from moor.tasks.registry.project.retention import NUMBER, Policy, Retention, retention_of
from moor.tasks.registry.project.settings import Robot
from moor.tasks.registry.project.webhooks import Webhook, webhook_of, webhooks_of
from moor.tasks.registry.robots import IN_FORCE, actions_of, robots_of, short_name, validity

SEVERAL = "a rule in Harbor has several patterns of one kind, and a rule of the inventory has one"


@dataclass(frozen=True)
class Part:
    """One key of a project in the inventory.

    Attributes:
        questions: what it is read from
        read: returns its value, None for nothing
    """

    key: str
    questions: Callable[[Entry], Iterable[Question]]
    read: Callable[[Source, Entry], Any]


def number_of(entry: Entry) -> int:
    """Return a project's number."""
    return int(entry["project_id"])


def _quota(source: Source, entry: Entry) -> int | None:
    answer = find_quota(source.answers, number_of(entry))
    quota = NO_LIMIT if answer is None else quota_of(answer)
    return None if quota == NO_LIMIT else quota


def _policies(entry: Entry) -> Iterator[Policy]:
    if number := (entry.get("metadata") or {}).get(NUMBER):
        yield Policy(number)


def _retention(source: Source, entry: Entry) -> Retention | None:
    for question in _policies(entry):
        answer = source.answers.one(question) or {}
        if has_several(answer.get("rules") or ()):
            source.leave_out(entry, "retention", SEVERAL)
        elif answer.get("rules"):
            return retention_of(answer)
    return None


def has_several(rules: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a rule chooses repositories or tags by more than one pattern."""
    scopes = ((rule.get("scope_selectors") or {}).get("repository") or () for rule in rules)
    return any(len(scope) > 1 for scope in scopes) or any(len(rule.get("tag_selectors") or ()) > 1 for rule in rules)


def _immutable(source: Source, entry: Entry) -> tuple[ImmutableRule, ...]:
    rules = source.answers.every(rules_of(number_of(entry)))
    if has_several(rules):
        source.leave_out(entry, "immutable", SEVERAL)
        return ()
    return tuple(rule_of(rule) for rule in sorted(rules, key=lambda rule: int(rule["id"])))


def _members(source: Source, entry: Entry) -> dict[str, str]:
    """Return the users; Harbor's own administrator is in every project that it made."""
    return {
        one["entity_name"]: role_of(one)
        for one in source.answers.every(members_of(number_of(entry)))
        if one["entity_type"] == USER and one["entity_id"] != FIRST_USER
    }


def _groups(source: Source, entry: Entry) -> dict[str, Group]:
    found = [one for one in source.answers.every(members_of(number_of(entry))) if one["entity_type"] == GROUP]
    known = {one["id"]: one for one in source.answers.every(USER_GROUPS)} if found else {}
    return {one["entity_name"]: _group(role_of(one), known.get(one["entity_id"]) or {}) for one in found}


def _group(role: str, known: Mapping[str, Any]) -> Group:
    if dn := known.get("ldap_group_dn"):
        return Group.model_construct(role=role, ldap_dn=dn)
    types = {number: word for word, number in GROUP_TYPES.items()}
    return Group.model_construct(role=role, type=types.get(known.get("group_type", 0), "oidc"))


def _labels(source: Source, entry: Entry) -> dict[str, Label]:
    found = source.answers.every(labels_of(number_of(entry)))
    return {one["name"]: label_of(one) for one in sorted(found, key=lambda one: str(one["name"]))}


def _webhooks(source: Source, entry: Entry) -> dict[str, Webhook]:
    found = source.answers.every(webhooks_of(number_of(entry)))
    held = {}
    for one in sorted(found, key=lambda one: str(one["name"])):
        if len(one.get("targets") or ()) > 1:
            why = "it has several addresses in Harbor, and a webhook of the inventory has one"
            source.leave_out(entry, f"webhooks.{one['name']}", why)
        else:
            held[str(one["name"])] = _webhook(source, str(entry["name"]), one)
    return held


def _webhook(source: Source, project: str, answer: Mapping[str, Any]) -> Webhook:
    held = webhook_of(answer)
    if not (answer.get("targets") or [{}])[0].get("auth_header"):
        return held
    what = f"the header Authorization of the webhook {answer['name']} of {project}"
    return held.model_copy(update={"auth": source.fill_in(f"projects/{project}/webhook-{answer['name']}", what)})


def _robots(source: Source, entry: Entry) -> dict[str, Robot]:
    """Return the robots but those that Harbor made for itself."""
    found = source.answers.every(robots_of(number_of(entry)))
    held = {}
    for robot in sorted(found, key=lambda one: str(one["name"])):
        account = account_in(source.state, str(entry["name"]), short_name(robot))
        name = account.robot
        if account.present != short_name(robot):
            continue  # of a rotation that goes on
        if why := why_no_robot(robot):
            source.leave_out(entry, f"robots.{name}", why)
        elif robot.get("editable", True):
            held[name] = _robot(source, account, robot)
    return held


def why_no_robot(robot: Mapping[str, Any]) -> str:
    """Return why the inventory does not say what a robot of a project is; empty if it does."""
    if robot.get("disable"):
        return "it is disabled, and a robot of the inventory is enabled"
    return why_expired(robot)


def why_expired(robot: Mapping[str, Any]) -> str:
    """Return why the inventory does not say what an expired robot is; empty for one in force."""
    state = validity(dict(robot))
    return "" if state == IN_FORCE else f"{state}, and a robot of the inventory is in force"


def _robot(source: Source, account: Account, found: Mapping[str, Any]) -> Robot:
    """Return a robot; a password that moor made is in the site's state, and any other is only known to people."""
    where, what = f"projects/{account.project}/robot-{account.robot}", f"the password of {found['name']}"
    secret = None if account.secret.path.exists() else source.fill_in(where, what)
    access, days = tuple(actions_of(dict(found))), found.get("duration", 0)
    return Robot.model_construct(access=access, duration_days=days, secret=secret)


def _nothing(entry: Entry) -> Iterable[Question]:
    return ()


PARTS = (
    Part("quota", _nothing, _quota),
    Part("retention", _policies, _retention),
    Part("immutable", lambda entry: (rules_of(number_of(entry)),), _immutable),
    Part("members", lambda entry: (members_of(number_of(entry)),), _members),
    Part("groups", lambda entry: (members_of(number_of(entry)),), _groups),
    Part("webhooks", lambda entry: (webhooks_of(number_of(entry)),), _webhooks),
    Part("labels", lambda entry: (labels_of(number_of(entry)),), _labels),
    Part("robots", lambda entry: (robots_of(number_of(entry)),), _robots),
)
