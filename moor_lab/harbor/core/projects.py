"""The API for projects."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.errors import bad_request, conflict, not_found, precondition, unprocessable
from moor_lab.harbor.core.project_requests import (
    RETENTION_OF_NEW,
    RETENTION_OF_OLD,
    SEVERITIES,
    checked_allowlist,
    checked_limit,
    checked_name,
    checked_upstream,
    known_metadata,
    need_creation,
)
from moor_lab.harbor.core.query import matches, sort_by
from moor_lab.harbor.core.retention_policies import add_policy, policy_of_a_proxy
from moor_lab.harbor.core.rights import ADMIN, is_public
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.store import Conflict, Record, Store

CONTENTS = ("member", "robot", "label", "immutable", "webhook", "retention")  # kinds that go with their project


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
    name = checked_name(body)
    metadata = known_metadata(body)
    limit = checked_limit(call, body)
    need_creation(call)
    upstream = checked_upstream(call, body)
    if metadata.pop("retention_id", ""):
        raise bad_request(f"bad request: {RETENTION_OF_NEW}")
    if "public" in body and "public" not in metadata:
        metadata["public"] = "true" if body["public"] else "false"
    if metadata.setdefault("public", "false") not in ("true", "false"):
        raise bad_request(f"metadata.public should only be 'true' or 'false', but got: '{metadata['public']}'")
    if "severity" in metadata and metadata["severity"] not in SEVERITIES:
        metadata["severity"] = "unknown"
    project = _insert(call, name, metadata, upstream)
    _own(call, project, limit)
    if upstream:
        add_policy(call.store, project, policy_of_a_proxy(project))
    by_name = call.request.headers.get("X-Resource-Name-In-Location") == "true"
    return done(201, f"{API}/projects/{project.name if by_name else project.id}")


def _insert(call: Call, name: str, metadata: dict[str, str], upstream: int | None) -> Record:
    time = now()
    owner = call.who.user or call.store.get("user", 1)
    body = {
        "creation_time": time,
        "update_time": time,
        "metadata": metadata,
        "owner_id": owner.id if owner else 1,
        "owner_name": owner.name if owner else "admin",
        "allowed": {"items": []},
        "registry_id": upstream,
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
    allowlist = {"id": project.body["allowlist"], "project_id": project.id} | project.body["allowed"]
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
    upstream = project.body.get("registry_id")
    return (
        times
        | mine
        | ({"registry_id": upstream} if upstream else {})
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
    metadata = known_metadata(body)
    if metadata.get("retention_id", "") not in ("", project.body["metadata"].get("retention_id", "")):
        raise bad_request(RETENTION_OF_OLD)
    if (listed := body.get("cve_allowlist")) is not None:
        project.body["allowed"] = checked_allowlist(project, listed)
    project.body["metadata"] |= {name: value for name, value in metadata.items() if value or name != "retention_id"}
    call.store.put(project)
    return done()


def delete_project(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "project", "delete")
    if repositories_of(call.store, project):
        raise precondition("precondition failed: the project contains repositories, can not be deleted")
    for kind in CONTENTS:
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
