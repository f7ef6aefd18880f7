"""The API for what a project tells of itself: a summary, whether it can be deleted, and its scanner."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.errors import not_found
from moor_lab.harbor.core.projects import repositories_of, used_storage
from moor_lab.harbor.core.rights import ADMIN, DEVELOPER, GUEST, LIMITED_GUEST, MAINTAINER
from moor_lab.harbor.core.scanners import show
from moor_lab.harbor.core.service import API, JSON, Call, Route, done, reply
from moor_lab.harbor.core.store import Record, Store

COUNTED = {
    "project_admin_count": ADMIN,
    "maintainer_count": MAINTAINER,
    "developer_count": DEVELOPER,
    "guest_count": GUEST,
    "limited_guest_count": LIMITED_GUEST,
}


def summary(call: Call, reference: str) -> Response:
    """Return counts, those that are zero left out, and the quota, as far as the caller may see them."""
    project = call.project(reference)
    call.need(project, "project", "read")
    shown: dict[str, Any] = {"repo_count": len(repositories_of(call.store, project))}
    if call.rights.in_project(project, "member", "list"):
        shown |= {name: count for name, count in _counts(call.store, project).items() if count}
    quota = call.store.find("quota", str(project.id))
    if quota and call.rights.in_project(project, "quota", "read"):
        used = {"storage": used_storage(call.store, project)}
        shown["quota"] = {"hard": {"storage": quota.body["hard"]}, "used": used}
    return reply(shown)


def _counts(store: Store, project: Record) -> dict[str, int]:
    roles = [one.body["role_id"] for one in store.all("member") if one.body["project_id"] == project.id]
    return {name: roles.count(role) for name, role in COUNTED.items()}


def deletable(call: Call, reference: str) -> Response:
    """Return that the project can be deleted, or why not."""
    project = call.project(reference)
    call.need(project, "project", "delete")
    if repositories_of(call.store, project):
        return reply({"message": "the project contains repositories, can not be deleted"})
    return reply({"deletable": True})


def get_scanner(call: Call, reference: str) -> Response:
    """Return the project's scanner, else the default one; like Harbor, an empty JSON body if there is none."""
    project = call.project(reference)
    call.need_login()
    call.need(project, "scanner", "read")
    scanners = call.store.all("scanner")
    own = [one for one in scanners if one.body["uuid"] == project.body.get("scanner")]
    chosen = own or [one for one in scanners if one.body["is_default"]]
    return reply(show(call, chosen[0])) if chosen else Response("", content_type=JSON)


def list_candidates(call: Call, reference: str) -> Response:
    """List the scanners that a project can have: all of them."""
    project = call.project(reference)
    call.need_login()
    call.need(project, "scanner", "create")
    return call.listing([show(call, scanner) for scanner in call.store.all("scanner")])


def put_scanner(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need_login()
    call.need(project, "scanner", "create")
    wanted = call.body("payload").get("uuid", "")
    if not any(one.body["uuid"] == wanted for one in call.store.all("scanner")):
        raise not_found(f"scanner registration {wanted}")
    project.body["scanner"] = wanted
    call.store.put(project)
    return done()


ONE = f"{API}/projects/<reference>"
ROUTES: list[Route] = [
    ("GET", f"{ONE}/summary", summary),
    ("GET", f"{ONE}/_deletable", deletable),
    ("GET", f"{ONE}/scanner", get_scanner),
    ("PUT", f"{ONE}/scanner", put_scanner),
    ("GET", f"{ONE}/scanner/candidates", list_candidates),
]
