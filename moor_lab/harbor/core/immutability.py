"""The API for a project's rules about tags that cannot be moved or deleted, and the checks by them."""

import json
from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.errors import bad_request, conflict, not_found, precondition
from moor_lab.harbor.core.repositories import tags_of
from moor_lab.harbor.core.selectors import chooses
from moor_lab.harbor.core.service import API, Call, Route, done
from moor_lab.harbor.core.store import Conflict, Record, Store

FIELDS = ("action", "params", "priority", "scope_selectors", "tag_selectors", "template")


def list_rules(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "immutable-tag", "list")
    return call.listing([show(one) for one in reversed(rules_of(call.store, project))])


def rules_of(store: Store, project: Record) -> list[Record]:
    return [one for one in store.all("immutable") if one.body["project_id"] == project.id]


def show(rule: Record) -> dict[str, Any]:
    shown = {name: rule.body["rule"][name] for name in FIELDS if rule.body["rule"].get(name)}
    return shown | {"id": rule.id} | ({"disabled": True} if rule.body["disabled"] else {})


def create_rule(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "immutable-tag", "create")
    body = call.body("ImmutableRule")
    kept = {"project_id": project.id, "rule": _rule(body), "disabled": bool(body.get("disabled"))}
    try:
        rule = call.store.add("immutable", _key(project, body), kept)
    except Conflict:
        raise conflict("immutable rule already exists") from None
    return done(201, f"{API}/projects/{reference}/immutabletagrules/{rule.id}")


def _rule(body: dict[str, Any]) -> dict[str, Any]:
    return {name: body[name] for name in FIELDS if name in body}


def _key(project: Record, body: dict[str, Any]) -> str:
    """Return what must be unique in a project: all of a rule but its id and whether it is disabled."""
    return f"{project.id}:{json.dumps(_rule(body), sort_keys=True)}"


def update_rule(call: Call, reference: str, number: int) -> Response:
    """Change a rule; like Harbor, only enable or disable it where that differs, and ignore everything else then."""
    body = call.body("ImmutableRule")
    if body.get("id", 0) != number:
        message = "the immutable_rule_id doesn't match the id in the payload body of ImmutableRule"
        raise bad_request(f"bad request: {message}")
    project = call.project(reference)
    call.need(project, "immutable-tag", "update")
    rule = _of_project(call, project, number)
    disabled = bool(body.get("disabled"))
    if disabled != rule.body["disabled"]:
        rule.body["disabled"] = disabled
    else:
        rule.body["rule"] = _rule(body)
        rule.name = _key(project, body)
    call.store.put(rule)
    return done()


def _of_project(call: Call, project: Record, number: int) -> Record:
    rule = call.store.get("immutable", number)
    if rule is None or rule.body["project_id"] != project.id:
        raise not_found(f"immutable rule {number}")
    return rule


def delete_rule(call: Call, reference: str, number: int) -> Response:
    project = call.project(reference)
    call.need(project, "immutable-tag", "delete")
    call.store.remove(_of_project(call, project, number))
    return done()


def is_immutable(store: Store, project: Record, repository: str, tag: str) -> bool:
    """Return whether a rule protects ``tag`` of ``repository``, which is named without its project."""
    return any(
        chooses(rule.body["rule"].get("scope_selectors", {}).get("repository", []), repository)
        and chooses(rule.body["rule"].get("tag_selectors", []), tag)
        for rule in rules_of(store, project)
        if not rule.body["disabled"]
    )


def need_movable(store: Store, project: Record, repository: Record, tag: str) -> None:
    """Raise Refusal if a push would move a tag that a rule protects; a tag that is not there yet may be made."""
    short = repository.name.partition("/")[2]
    if store.find("tag", f"{repository.name}:{tag}") and is_immutable(store, project, short, tag):
        raise precondition(f"Failed to process request due to '{short}:{tag}' configured as immutable.")


def need_deletable(store: Store, project: Record, artifact: Record) -> None:
    """Raise Refusal if a rule protects a tag of ``artifact``."""
    short = artifact.name.partition("@")[0].partition("/")[2]
    for tag in tags_of(store, artifact):
        if is_immutable(store, project, short, tag.body["name"]):
            raise precondition(f"the tag {tag.body['name']} configured as immutable, cannot be deleted")


ALL = f"{API}/projects/<reference>/immutabletagrules"
ROUTES: list[Route] = [
    ("GET", ALL, list_rules),
    ("POST", ALL, create_rule),
    ("PUT", f"{ALL}/<int:number>", update_rule),
    ("DELETE", f"{ALL}/<int:number>", delete_rule),
]
