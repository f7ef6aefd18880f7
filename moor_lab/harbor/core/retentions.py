"""The API for retention of tags, one policy a project; the stand-in keeps policies, and runs them dry alone."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.cron import check_cron
from moor_lab.harbor.core.errors import Refusal, bad_request, conflict, internal, not_in_the_stand_in, precondition
from moor_lab.harbor.core.executions import Execution, begin, executions_of
from moor_lab.harbor.core.retention_policies import add_policy
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.store import Record

MOST_RULES = 15
RULE_FIELDS = ("action", "disabled", "params", "priority", "scope_selectors", "tag_selectors", "template")
VENDOR = "RETENTION"
COUNTS = {
    "latestPushedK": ("the most recently pushed # artifacts", "COUNT"),
    "latestPulledN": ("the most recently pulled # artifacts", "COUNT"),
    "nDaysSinceLastPush": ("pushed within the last # days", "DAYS"),
    "nDaysSinceLastPull": ("pulled within the last # days", "DAYS"),
}  # template to what it is shown as, and the unit of its number


def metadata(call: Call) -> Response:
    """Return the templates and selectors that rules are made of."""
    call.need_login()
    templates: list[dict[str, Any]] = [
        {
            "action": "retain",
            "display_text": text,
            "params": [{"required": True, "type": "int", "unit": unit}],
            "rule_template": name,
        }
        for name, (text, unit) in COUNTS.items()
    ]
    templates.append({"action": "retain", "display_text": "always", "params": [], "rule_template": "always"})
    scopes = {"decorations": ["repoMatches", "repoExcludes"], "display_text": "Repositories", "kind": "doublestar"}
    tags = {"decorations": ["matches", "excludes"], "display_text": "Tags", "kind": "doublestar"}
    return reply({"scope_selectors": [scopes], "tag_selectors": [tags], "templates": templates})


def create_policy(call: Call) -> Response:
    """Add a policy; like Harbor, refuse it while the project's metadata names one, be that one deleted or not."""
    call.need_login()
    body = _checked(call.body("policy"))
    project = _scope(call, body, "create")
    if named := project.body["metadata"].get("retention_id"):
        raise bad_request(f"bad request: project {project.id} already has retention policy {named}")
    _check_trigger(body)
    policy = add_policy(call.store, project, body)
    return done(201, f"{API}/retentions/{policy.id}")


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a policy, its rules numbered; templates and selectors are not checked."""
    rules = [{name: one[name] for name in RULE_FIELDS if one.get(name)} for one in body.get("rules") or []]
    if len(rules) > MOST_RULES:
        raise bad_request(f"bad request: only {MOST_RULES} rules are allowed at most")
    seen: dict[str, int] = {}
    for number, rule in enumerate(rules):
        text = json.dumps(rule, sort_keys=True)
        if text in seen:
            raise conflict(f"conflict: rule {number} is conflict with rule {seen[text]}")
        seen[text] = number
    trigger = body.get("trigger") or {}
    kept = {name: trigger[name] for name in ("kind", "settings") if trigger.get(name)}
    return {"algorithm": body.get("algorithm", ""), "rules": rules, "scope": body.get("scope") or {}, "trigger": kept}


def _scope(call: Call, body: dict[str, Any], action: str) -> Record:
    """Return the project that a policy is for."""
    level, number = body["scope"].get("level", ""), body["scope"].get("ref", 0)
    if level != "project":
        call.need_system("tag-retention", action)
        raise bad_request(f"bad request: scope {level} is not support")
    project = call.store.get("project", number)
    if project is None:
        call.need_administrator()
        raise bad_request(f"bad request: invalid Project id {number}")
    call.need(project, "tag-retention", action)
    return project


def _check_trigger(body: dict[str, Any]) -> None:
    if cron := _cron(body):
        check_cron(cron)


def _cron(body: dict[str, Any]) -> str:
    scheduled = body["trigger"].get("kind") == "Schedule"
    return str((body["trigger"].get("settings") or {}).get("cron", "")) if scheduled else ""


def _policy(call: Call, number: int, action: str, unknown: Refusal) -> Record:
    """Return a policy; ``unknown`` is how the endpoint refuses one that is not there."""
    call.need_login()
    policy = call.store.get("retention", number)
    if policy is None:
        raise unknown
    project = call.store.get("project", policy.body["project_id"])
    if project is None:
        call.need_administrator()
    else:
        call.need(project, "tag-retention", action)
    return policy


def _unknown(number: int) -> Refusal:
    return bad_request(f"bad request: no such Retention policy with id {number}")


def get_policy(call: Call, number: int) -> Response:
    """Return a policy; like Harbor, answer 500 for one that is not there."""
    return reply(show(_policy(call, number, "read", internal())))


def show(policy: Record) -> dict[str, Any]:
    """Return a policy as Harbor shows it: the first rule without a number, a schedule with its next time."""
    numbered = enumerate(policy.body["rules"])
    rules = [{name: value for name, value in rule.items() if value} | ({"id": n} if n else {}) for n, rule in numbered]
    trigger = dict(policy.body["trigger"])
    if cron := _cron(policy.body):
        trigger["settings"] = {"cron": cron, "next_scheduled_time": _next_midnight()}
    names = ("algorithm", "scope")
    return {name: policy.body[name] for name in names} | {"id": policy.id, "rules": rules, "trigger": trigger}


def _next_midnight() -> str:
    """Return a time to come in Harbor's format; when the job service would really start is not worked out."""
    return (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT00:00:00.000Z")


def update_policy(call: Call, number: int) -> Response:
    """Replace a policy; it must be the one that its project's metadata names."""
    call.need_login()
    body = _checked(call.body("policy"))
    project = _scope(call, body, "update")
    if project.body["metadata"].get("retention_id") != str(number):
        raise Refusal(404, "NOT_FOUND", f"not found: the retention policy id {number} does not match")
    policy = call.store.get("retention", number)
    if policy is None:
        raise internal()
    _check_trigger(body)
    policy.body |= body
    call.store.put(policy)
    return done()


def delete_policy(call: Call, number: int) -> Response:
    """Remove a policy; like Harbor, leave its number in the project's metadata."""
    policy = _policy(call, number, "delete", _unknown(number))
    for execution in executions_of(call.store, VENDOR, policy.id):
        if execution.running:
            message = f"the execution {execution.id} has tasks that aren't in final status, stop the tasks first"
            raise precondition(message)
    call.store.remove(policy)
    return done()


def run_policy(call: Call, number: int) -> Response:
    policy = _policy(call, number, "update", _unknown(number))
    if not call.body("body").get("dry_run"):
        raise not_in_the_stand_in(f"{call.request.path} but for a dry run")
    execution = begin(call.store, VENDOR, policy.id, {"dry_run": True})
    return done(201, f"{API}/retentions/{number}/executions/{execution.id}")


def list_executions(call: Call, number: int) -> Response:
    policy = _policy(call, number, "list", _unknown(number))
    return call.listing([_show_execution(one) for one in executions_of(call.store, VENDOR, policy.id)])


def _show_execution(execution: Execution) -> dict[str, Any]:
    shown = {"end_time": execution.end_time, "id": execution.id, "policy_id": execution.vendor_id}
    shown |= {"start_time": execution.start_time, "status": execution.status, "trigger": "MANUAL"}
    return {**shown, **execution.extras}


ALL = f"{API}/retentions"
ONE = f"{ALL}/<int:number>"
ROUTES: list[Route] = [
    ("GET", f"{ALL}/metadatas", metadata),
    ("POST", ALL, create_policy),
    ("GET", ONE, get_policy),
    ("PUT", ONE, update_policy),
    ("DELETE", ONE, delete_policy),
    ("GET", f"{ONE}/executions", list_executions),
    ("POST", f"{ONE}/executions", run_policy),
]
