"""Labels: global ones (scope g), those of projects (scope p), and labels of artifacts."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import now
from moor_lab.harbor.core.errors import bad_request, conflict, not_found
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.store import Conflict, Record


def create_label(call: Call) -> Response:
    body = call.body("label")
    scope, project = body.get("scope", ""), int(body.get("project_id", 0))
    if scope not in ("g", "p"):
        raise bad_request("unsupported label scope")
    _need(call, scope, project, "create")
    kept = {name: body.get(name) for name in ("name", "color", "description")}
    kept |= {"scope": scope, "project_id": project, "creation_time": now(), "update_time": now()}
    try:
        label = call.store.add("label", f"{scope}:{project}:{body.get('name', '')}", kept)
    except Conflict:
        raise conflict(f"label {body.get('name', '')} already exists") from None
    return done(201, f"{API}/labels/{label.id}")


def _need(call: Call, scope: str, number: int, action: str) -> None:
    call.need_login()
    project = call.store.get("project", number)
    if scope == "p" and project:
        call.need(project, "label", action)
    else:
        call.need_administrator()


def list_labels(call: Call) -> Response:
    scope, number = call.request.args.get("scope", ""), int(call.request.args.get("project_id", 0))
    if scope not in ("g", "p"):
        raise bad_request(f"invalid scope: {scope}")
    if scope == "p":
        _need(call, scope, number, "list")
    call.need_login()
    labels = [one for one in call.store.all("label") if (one.body["scope"], one.body["project_id"]) == (scope, number)]
    return call.listing([show(one) for one in labels])


def show(label: Record) -> dict[str, Any]:
    return {name: value for name, value in label.body.items() if value} | {"id": label.id}


def _label(call: Call, number: int, action: str) -> Record:
    call.need_login()
    label = call.store.get("label", number)
    if label is None:
        raise not_found(f"label {number}")
    if action != "read":
        _need(call, label.body["scope"], label.body["project_id"], action)
    return label


def get_label(call: Call, number: int) -> Response:
    return reply(show(_label(call, number, "read")))


def update_label(call: Call, number: int) -> Response:
    label = _label(call, number, "update")
    label.body |= {name: call.body("label").get(name) for name in ("name", "color", "description")}
    label.body["update_time"] = now()
    label.name = f"{label.body['scope']}:{label.body['project_id']}:{label.body['name']}"
    call.store.put(label)
    return done()


def delete_label(call: Call, number: int) -> Response:
    call.store.remove(_label(call, number, "delete"))
    return done()


ONE = f"{API}/labels/<int:number>"
ROUTES: list[Route] = [
    ("GET", f"{API}/labels", list_labels),
    ("POST", f"{API}/labels", create_label),
    ("GET", ONE, get_label),
    ("PUT", ONE, update_label),
    ("DELETE", ONE, delete_label),
]
