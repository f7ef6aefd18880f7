"""The API for members of projects."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.errors import Refusal, bad_request, conflict, internal
from moor_lab.harbor.core.rights import ROLE_NAMES
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.store import Conflict, Record


def list_members(call: Call, reference: str) -> Response:
    """List the members; like Harbor, count hidden ones in X-Total-Count, and filter by entityname only the list."""
    project = call.project(reference)
    call.need(project, "member", "list")
    members = [one for one in call.store.all("member") if one.body["project_id"] == project.id]
    shown = [show(call, one) for one in members if one.body["role_id"] in ROLE_NAMES]
    wanted = call.request.args.get("entityname")
    return call.listing([one for one in shown if wanted in (None, one["entity_name"])], total=len(members))


def show(call: Call, member: Record) -> dict[str, Any]:
    user = call.store.get("user", member.body["user_id"])
    role = member.body["role_id"]
    return {
        "entity_id": member.body["user_id"],
        "entity_name": user.name if user else "",
        "entity_type": "u",
        "id": member.id,
        "project_id": member.body["project_id"],
        "role_id": role,
        "role_name": ROLE_NAMES[role],
    }


def add_member(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "member", "create")
    body = call.body("projectMember")
    user = _member_user(call, body)
    if body.get("role_id") not in ROLE_NAMES:
        raise bad_request("Failed to update project member, role is not in 1,2,3")
    name = f"{project.id}:{user.id}"
    taken = conflict("The project member specified already exist")
    if call.store.find("member", name):
        raise taken
    kept = {"project_id": project.id, "user_id": user.id, "role_id": body["role_id"]}
    try:
        member = call.store.add("member", name, kept)
    except Conflict:
        raise taken from None
    return done(201, f"{API}/projects/{reference}/members/{member.id}")


def _member_user(call: Call, body: dict[str, Any]) -> Record:
    if group := body.get("member_group"):
        raise Refusal(404, "NOT_FOUND", f"{group.get('ldap_group_dn', '')} not found: not supported")
    wanted = body.get("member_user")
    if not wanted:
        raise internal()  # Harbor's own slip
    user = call.store.find("user", wanted.get("username", ""))
    if user is None:
        raise Refusal(404, "NOT_FOUND", f"user {wanted.get('username', '')} is not found")
    return user


def _member(call: Call, reference: str, number: int, action: str) -> Record | None:
    project = call.project(reference)
    call.need(project, "member", action)
    member = call.store.get("member", number)
    return member if member and member.body["project_id"] == project.id else None


def get_member(call: Call, reference: str, number: int) -> Response:
    member = _member(call, reference, number, "read")
    if member is None or member.body["role_id"] not in ROLE_NAMES:
        project = call.project(reference)
        message = f"the project member is not found, project id {project.id}, member id {number}"
        raise Refusal(404, "NOT_FOUND", message)
    return reply(show(call, member))


def update_member(call: Call, reference: str, number: int) -> Response:
    """Set a member's role; like Harbor, store an unknown role, which hides the member."""
    member = _member(call, reference, number, "update")
    if member:
        member.body["role_id"] = call.body("role").get("role_id")
        call.store.put(member)
    return done()


def delete_member(call: Call, reference: str, number: int) -> Response:
    member = _member(call, reference, number, "delete")
    if member:
        call.store.remove(member)
    return done()


ALL = f"{API}/projects/<reference>/members"
ROUTES: list[Route] = [
    ("GET", ALL, list_members),
    ("POST", ALL, add_member),
    ("GET", f"{ALL}/<int:number>", get_member),
    ("PUT", f"{ALL}/<int:number>", update_member),
    ("DELETE", f"{ALL}/<int:number>", delete_member),
]
