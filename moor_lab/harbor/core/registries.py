"""The API for the endpoints of replication and proxy caches."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import now
from moor_lab.harbor.core.endpoint import DISTRIBUTION, HARBOR, check_health
from moor_lab.harbor.core.errors import (
    Refusal,
    bad_request,
    conflict,
    internal,
    not_found,
    not_in_the_stand_in,
    precondition,
)
from moor_lab.harbor.core.query import matches
from moor_lab.harbor.core.service import API, Call, Core, Route, done, reply
from moor_lab.harbor.core.store import Conflict, Record

ADAPTERS = [
    "ali-acr",
    "aws-ecr",
    "azure-acr",
    "docker-hub",
    DISTRIBUTION,
    "dtr",
    "github-ghcr",
    "gitlab",
    "google-gcr",
    HARBOR,
    "huawei-SWR",
    "jfrog-artifactory",
    "quay",
    "tencent-tcr",
]
HIDDEN = "*****"
FIELDS = ("name", "description", "url", "insecure", "ca_certificate")
CREDENTIAL = {"credential_type": "type", "access_key": "access_key", "access_secret": "access_secret"}


def list_adapters(call: Call) -> Response:
    call.need_system("replication-adapter", "list")
    return reply(ADAPTERS)


def list_registries(call: Call) -> Response:
    call.need_system("registry", "list")
    wanted = call.query().filters.get("name")
    return call.listing([show(call.core, one) for one in call.store.all("registry") if matches(wanted, one.name)])


def show(core: Core, registry: Record) -> dict[str, Any]:
    """Return an endpoint; its secret never comes back."""
    body = registry.body
    shown: dict[str, Any] = {"id": registry.id, "name": registry.name, "status": _status(core, body)}
    shown |= {name: body[name] for name in ("creation_time", "update_time", "insecure", "type", "url")}
    if login := body.get("credential"):
        shown["credential"] = login | {"access_secret": HIDDEN}
    return shown | {name: body[name] for name in ("description", "ca_certificate") if body.get(name)}


def _status(core: Core, body: dict[str, Any]) -> str:
    try:
        check_health(core, body)
    except Refusal:
        return "unhealthy"
    return "healthy"


def create_registry(call: Call) -> Response:
    call.need_system("registry", "create")
    sent = call.body("registry")
    if not sent.get("url"):
        raise bad_request("empty string")
    if sent.get("type") not in ADAPTERS:
        raise internal()
    name = sent.get("name", "")
    if call.store.find("registry", name):
        raise conflict(f"registry {name} already exists")
    body = {"insecure": False} | {key: sent[key] for key in ("type", *FIELDS, "credential") if key in sent}
    check_health(call.core, body)
    try:
        made = call.store.add("registry", name, body | {"creation_time": now(), "update_time": now()})
    except Conflict:
        raise conflict(f"registry {name} already exists") from None
    return done(201, f"{API}/registries/{made.id}")


def find_registry(call: Call, number: int, action: str) -> Record:
    call.need_system("registry", action)
    found = call.store.get("registry", number)
    if found is None:
        raise not_found(f"registry {number}")
    return found


def get_registry(call: Call, number: int) -> Response:
    return reply(show(call.core, find_registry(call, number, "read")))


def update_registry(call: Call, number: int) -> Response:
    """Change the fields that were sent; the login's are on the top level here, unlike at its creation."""
    registry = find_registry(call, number, "update")
    changed = _changed(registry.body, call.body("registry"))
    check_health(call.core, changed)
    registry.name = changed.get("name", registry.name)
    registry.body = changed | {"update_time": now()}
    call.store.put(registry)
    return done()


def _changed(body: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    login = {ours: sent[theirs] for theirs, ours in CREDENTIAL.items() if theirs in sent}
    credential = {"credential": {**(body.get("credential") or {}), **login}} if login else {}
    return body | {name: sent[name] for name in FIELDS if name in sent} | credential


def delete_registry(call: Call, number: int) -> Response:
    registry = find_registry(call, number, "delete")
    if any(one.body.get("registry_id") == number for one in call.store.all("project")):
        raise precondition(f"the registry {number} is referenced by proxy cache project, cannot delete it")
    ends = [one.body[end] for one in call.store.all("replication") for end in ("src", "dest")]
    if number in ends:
        raise precondition(f"the registry {number} is referenced by replication policies, cannot delete it")
    call.store.remove(registry)
    return done()


def ping(call: Call) -> Response:
    """Check an endpoint that is stored, one that is not, or a stored one with changes."""
    call.need_system("registry", "read")
    sent = call.body("registry")
    known = find_registry(call, int(sent["id"]), "read").body if sent.get("id") else {"insecure": False}
    wanted = _changed(known, sent) | ({"type": sent["type"]} if "type" in sent else {})
    if not wanted.get("url"):
        raise bad_request("empty string")
    check_health(call.core, wanted)
    return done()


def get_info(call: Call, number: int) -> Response:
    """Return what replication with an endpoint can do; that of another Harbor was not recorded."""
    kind = find_registry(call, number, "read").body["type"]
    if kind != DISTRIBUTION:
        raise not_in_the_stand_in(call.request.path)
    filters: list[dict[str, Any]] = [{"style": "input", "type": name, "values": None} for name in ("name", "tag")]
    filters.append({"style": "radio", "type": "resource", "values": ["image"]})
    triggers = ["manual", "scheduled"]
    return reply({"supported_resource_filters": filters, "supported_triggers": triggers, "type": kind})


ONE = f"{API}/registries/<int:number>"
ROUTES: list[Route] = [
    ("GET", f"{API}/replication/adapters", list_adapters),
    ("GET", f"{API}/registries", list_registries),
    ("POST", f"{API}/registries", create_registry),
    ("POST", f"{API}/registries/ping", ping),
    ("GET", ONE, get_registry),
    ("PUT", ONE, update_registry),
    ("DELETE", ONE, delete_registry),
    ("GET", f"{ONE}/info", get_info),
]
