"""The API for a project's webhooks; the stand-in keeps the policies and sends nothing."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.errors import Refusal, bad_request, conflict
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.store import Conflict, Record, Store

EVENTS = (
    "PUSH_ARTIFACT",
    "PULL_ARTIFACT",
    "DELETE_ARTIFACT",
    "QUOTA_EXCEED",
    "QUOTA_WARNING",
    "SCANNING_FAILED",
    "SCANNING_STOPPED",
    "SCANNING_COMPLETED",
    "REPLICATION",
    "TAG_RETENTION",
)
TYPES = ("http", "slack")
FORMATS = ("Default", "CloudEvents")
TARGET_FIELDS = ("address", "auth_header", "payload_format", "skip_cert_verify", "type")


def list_events(call: Call, reference: str) -> Response:
    call.need(call.project(reference), "notification-policy", "read")
    formats = [{"notify_type": "http", "formats": FORMATS}]
    return reply({"event_type": EVENTS, "notify_type": TYPES, "payload_formats": formats})


def list_policies(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "notification-policy", "list")
    return call.listing([show(one) for one in policies_of(call.store, project)])


def policies_of(store: Store, project: Record) -> list[Record]:
    return [one for one in store.all("webhook") if one.body["project_id"] == project.id]


def show(policy: Record) -> dict[str, Any]:
    """Return a policy as Harbor shows it, with the header that authorizes in clear."""
    names = ("creation_time", "description", "event_types", "name", "project_id", "update_time")
    shown = {name: policy.body[name] for name in names if policy.body.get(name)}
    targets = [{name: value for name, value in one.items() if value} for one in policy.body["targets"]]
    return shown | {"enabled": policy.body["enabled"], "id": policy.id, "targets": targets}


def create_policy(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "notification-policy", "create")
    kept = _checked(call.body("policy")) | {"project_id": project.id, "creation_time": now(), "update_time": now()}
    try:
        policy = call.store.add("webhook", f"{project.id}:{kept['name']}", kept)
    except Conflict:
        raise _taken(kept["name"]) from None
    return done(201, f"{API}/projects/{reference}/webhook/policies/{policy.id}")


def _taken(name: str) -> Refusal:
    return conflict(f"notification policy named {name} already exists")


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a policy that a client sent; raise Refusal for events or targets that Harbor refuses."""
    name = body.get("name", "")
    events = body.get("event_types") or []
    if not events:
        raise bad_request("empty event type")
    for event in events:
        if event not in EVENTS:
            raise bad_request(f"unsupported event type {event}")
    targets = body.get("targets") or []
    if not targets:
        raise bad_request(f"empty notification target with policy {name}")
    return {
        "name": name,
        "description": body.get("description", ""),
        "enabled": bool(body.get("enabled")),
        "event_types": events,
        "targets": [_target(one, name) for one in targets],
    }


def _target(target: dict[str, Any], policy: str) -> dict[str, Any]:
    kind, form = target.get("type", ""), target.get("payload_format", "")
    if not target.get("address"):
        raise bad_request("empty URL")
    if kind not in TYPES:
        raise bad_request(f"unsupported target type {kind} with policy {policy}")
    if form and kind == "slack":
        raise bad_request("set payload format is not allowed for slack")
    if form and form not in FORMATS:
        raise bad_request(f"unsupported payload format type: {form}")
    kept = {name: target.get(name) for name in TARGET_FIELDS}
    return kept | ({"payload_format": form or "Default"} if kind == "http" else {})


def _policy(call: Call, reference: str, number: int, action: str) -> Record:
    project = call.project(reference)
    call.need(project, "notification-policy", action)
    policy = call.store.get("webhook", number)
    if policy is None:
        raise Refusal(404, "NOT_FOUND", f"notificationPolicy {number} not found")
    if policy.body["project_id"] != project.id:
        message = f"project id:{project.id}, webhook policy id: {number} not found"
        raise Refusal(404, "NOT_FOUND", f"not found: {message}")
    return policy


def get_policy(call: Call, reference: str, number: int) -> Response:
    return reply(show(_policy(call, reference, number, "read")))


def update_policy(call: Call, reference: str, number: int) -> Response:
    """Replace a policy; what the request leaves out is gone, a header that authorizes included."""
    policy = _policy(call, reference, number, "update")
    wanted = _checked(call.body("policy"))
    name = f"{policy.body['project_id']}:{wanted['name']}"
    other = call.store.find("webhook", name)
    if other and other.id != number:
        raise _taken(wanted["name"])
    policy.name = name
    policy.body |= wanted | {"update_time": now()}
    call.store.put(policy)
    return done()


def delete_policy(call: Call, reference: str, number: int) -> Response:
    call.store.remove(_policy(call, reference, number, "delete"))
    return done()


def last_triggers(call: Call, reference: str) -> Response:
    """Return when each event was last sent: never, for nothing is sent here."""
    project = call.project(reference)
    call.need(project, "notification-policy", "read")
    times = {"creation_time": NEVER, "last_trigger_time": NEVER}
    return reply(
        [
            times | {"event_type": event, "policy_name": policy.body["name"]}
            for policy in policies_of(call.store, project)
            for event in policy.body["event_types"]
        ]
    )


ALL = f"{API}/projects/<reference>/webhook"
ROUTES: list[Route] = [
    ("GET", f"{ALL}/events", list_events),
    ("GET", f"{ALL}/lasttrigger", last_triggers),
    ("GET", f"{ALL}/policies", list_policies),
    ("POST", f"{ALL}/policies", create_policy),
    ("GET", f"{ALL}/policies/<int:number>", get_policy),
    ("PUT", f"{ALL}/policies/<int:number>", update_policy),
    ("DELETE", f"{ALL}/policies/<int:number>", delete_policy),
]
