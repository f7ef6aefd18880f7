"""The API for projects."""

import re
from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.errors import (
    bad_request,
    check_type,
    conflict,
    forbidden,
    not_found,
    not_in_the_stand_in,
    precondition,
    unprocessable,
)
from moor_lab.harbor.core.query import matches, sort_by
from moor_lab.harbor.core.rights import ADMIN, is_public
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.settings import setting
from moor_lab.harbor.core.store import Conflict, Record, Store

NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
STORED_SEVERITIES = {"none", "low", "medium", "high", "critical"}


def head_project(call: Call) -> Response:
    call.need_login()
    name = call.request.args.get("project_name")
    if name is None:
        raise unprocessable("project_name in query is required")
    if call.store.find("project", name) is None:
        raise not_found(f"project {name}")
    return done()


def create_project(call: Call) -> Response:
    call.need_login()
    body = call.body("project")
    name = _checked_name(body)
    metadata = dict(body.get("metadata") or {})
    limit = _checked_limit(call, body)
    _need_creation(call)
    if body.get("registry_id"):
        raise not_in_the_stand_in("proxy cache projects")
    if "public" in body and "public" not in metadata:
        metadata["public"] = "true" if body["public"] else "false"
    if metadata.setdefault("public", "false") not in ("true", "false"):
        raise bad_request(f"metadata.public should only be 'true' or 'false', but got: '{metadata['public']}'")
    if "severity" in metadata and metadata["severity"] not in STORED_SEVERITIES:
        metadata["severity"] = "unknown"
    project = _insert(call, name, metadata)
    _own(call, project, limit)
    by_name = call.request.headers.get("X-Resource-Name-In-Location") == "true"
    return done(201, f"{API}/projects/{project.name if by_name else project.id}")


def _checked_name(body: dict[str, Any]) -> str:
    name = body.get("project_name", "")
    check_type("project", "ProjectReq.project_name", name, str)
    if len(name) > 255:
        raise unprocessable("project_name in body should be at most 255 chars long", depth=2)
    if not name:
        raise bad_request(f"Project name {name} is illegal in length. (greater than 255 or less than 1)")
    if not NAME.fullmatch(name):
        raise bad_request("project name is not in lower case or contains illegal characters")
    return str(name)


def _checked_limit(call: Call, body: dict[str, Any]) -> int:
    """Return the storage limit: the requested one for an administrator, else the default."""
    default = int(setting(call.store, "storage_per_project"))
    limit = body.get("storage_limit")
    if limit is None or limit == 0 or not call.who.administrator:
        return default
    if limit < -1:
        raise bad_request("bad request: invalid value for resource storage")
    return int(limit)


def _need_creation(call: Call) -> None:
    if call.who.robot and call.who.robot.body["level"] != "system":
        raise forbidden("Only system level robot can create project")
    restricted = setting(call.store, "project_creation_restriction") == "adminonly"
    if restricted and not call.who.administrator and not call.who.robot:
        raise forbidden("Only system admin can create project")


def _insert(call: Call, name: str, metadata: dict[str, str]) -> Record:
    time = now()
    owner = call.who.user or call.store.get("user", 1)
    body = {
        "creation_time": time,
        "update_time": time,
        "metadata": metadata,
        "owner_id": owner.id if owner else 1,
        "owner_name": owner.name if owner else "admin",
        "cves": [],
    }
    try:
        return call.store.add("project", name, body)
    except Conflict:
        raise conflict(f"The project named {name} already exists") from None


def _own(call: Call, project: Record, limit: int) -> None:
    """Store the owner's membership, the allowlist and the quota of a new project."""
    user = project.body["owner_id"]
    call.store.add("member", f"{project.id}:{user}", {"project_id": project.id, "user_id": user, "role_id": ADMIN})
    project.body["allowlist"] = call.store.add("allowlist", project.name, {}).id
    call.store.put(project)
    call.store.add("quota", str(project.id), {"hard": limit, "creation_time": now(), "update_time": now()})


def list_projects(call: Call) -> Response:
    query = call.query()
    wanted, fuzzy = query.filters.get("name"), call.request.args.get("name")
    public = call.request.args.get("public", query.filters.get("public"))
    seen = [
        project
        for project in call.store.all("project")
        if call.rights.sees(project)
        and matches(wanted, project.name)
        and matches(fuzzy and f"~{fuzzy}", project.name)
        and (public is None or is_public(project) == (public == "true"))
    ]
    detail = call.request.args.get("with_detail", "true") == "true"
    shown = [show(call, project) if detail else show_briefly(call, project) for project in seen]
    return call.listing(sort_by(shown, query.sort, lambda one: one["name"]))


def get_project(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "project", "read")
    return reply(show(call, project))


def show(call: Call, project: Record) -> dict[str, Any]:
    """Return a project with the caller's roles in it."""
    allowlist = {"id": project.body["allowlist"], "project_id": project.id, "items": project.body["cves"]}
    return show_briefly(call, project) | {
        "cve_allowlist": allowlist | {"creation_time": NEVER, "update_time": NEVER},
        "metadata": project.body["metadata"],
        "owner_name": project.body["owner_name"],
        "repo_count": len(repositories_of(call.store, project)),
    }


def show_briefly(call: Call, project: Record) -> dict[str, Any]:
    roles = call.rights.roles(project)
    mine = {"current_user_role_ids": roles or None} | ({"current_user_role_id": roles[0]} if roles else {})
    times = {name: project.body[name] for name in ("creation_time", "update_time")}
    return (
        times
        | mine
        | {
            "cve_allowlist": {"creation_time": NEVER, "update_time": NEVER, "items": None},
            "name": project.name,
            "owner_id": project.body["owner_id"],
            "project_id": project.id,
            "repo_count": 0,
        }
    )


def repositories_of(store: Store, project: Record) -> list[Record]:
    return [one for one in store.all("repository") if one.body["project_id"] == project.id]


def update_project(call: Call, reference: str) -> Response:
    """Change a project; like Harbor, merge metadata unchecked, and ignore top-level public and storage_limit."""
    project = call.project(reference)
    call.need(project, "project", "update")
    body = call.body("project")
    metadata = body.get("metadata") or {}
    for name, value in metadata.items():
        check_type("project", f"ProjectMetadata.metadata.{name}", value, str)
    project.body["metadata"] |= metadata
    if "cve_allowlist" in body:
        project.body["cves"] = list(body["cve_allowlist"].get("items") or [])
    call.store.put(project)
    return done()


def delete_project(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "project", "delete")
    if repositories_of(call.store, project):
        raise precondition("precondition failed: the project contains repositories, can not be deleted")
    for kind in ("member", "robot", "label"):
        for record in call.store.all(kind):
            if record.body.get("project_id") == project.id:
                call.store.remove(record)
    for kind, name in (("quota", str(project.id)), ("allowlist", project.name)):
        record_or_none = call.store.find(kind, name)
        if record_or_none:
            call.store.remove(record_or_none)
    call.store.remove(project)
    return done()


def used_storage(store: Store, project: Record) -> int:
    """Return the bytes that a project stores; blobs shared by its artifacts count once."""
    blobs: dict[str, int] = {}
    for artifact in store.all("artifact"):
        if artifact.body["project_id"] == project.id:
            blobs |= artifact.body["blobs"]
    return sum(blobs.values())


ONE = f"{API}/projects/<reference>"
ROUTES: list[Route] = [
    ("HEAD", f"{API}/projects", head_project),
    ("GET", f"{API}/projects", list_projects),
    ("POST", f"{API}/projects", create_project),
    ("GET", ONE, get_project),
    ("PUT", ONE, update_project),
    ("DELETE", ONE, delete_project),
]
