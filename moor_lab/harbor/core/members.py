"""The API for members of projects."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.errors import Refusal, bad_request, conflict, internal
from moor_lab.harbor.core.rights import ROLE_NAMES
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.settings import setting
from moor_lab.harbor.core.store import Conflict, Record
from moor_lab.harbor.core.usergroups import TYPE_OF_MODE, add_group


def list_members(call: Call, reference: str) -> Response:
    """List the members; like Harbor, count hidden ones in X-Total-Count, and filter by entityname only the list."""
    project = call.project(reference)
    call.need(project, "member", "list")
    members = [one for one in call.store.all("member") if one.body["project_id"] == project.id]
    shown = [show(call, one) for one in members if one.body["role_id"] in ROLE_NAMES]
    wanted = call.request.args.get("entityname")
    return call.listing([one for one in shown if wanted in (None, one["entity_name"])], total=len(members))


def show(call: Call, member: Record) -> dict[str, Any]:
    kind, number = _entity(member)
    known = call.store.get(kind, number)
    role = member.body["role_id"]
    return {
        "entity_id": number,
        "entity_name": known.name if known else "",
        "entity_type": "g" if kind == "usergroup" else "u",
        "id": member.id,
        "project_id": member.body["project_id"],
        "role_id": role,
        "role_name": ROLE_NAMES[role],
    }


def _entity(member: Record) -> tuple[str, int]:
    """Return the kind and id of the user or group that is the member."""
    kind = "usergroup" if "group_id" in member.body else "user"
    return kind, member.body["group_id" if kind == "usergroup" else "user_id"]


def add_member(call: Call, reference: str) -> Response:
    project = call.project(reference)
    call.need(project, "member", "create")
    body = call.body("projectMember")
    entity = _wanted(call, body)
    if body.get("role_id") not in ROLE_NAMES:
        raise bad_request("Failed to update project member, role is not in 1,2,3")
    of_group = entity.kind == "usergroup"
    name = f"{project.id}:{'g' if of_group else ''}{entity.id}"
    taken = conflict("The project member specified already exist")
    if call.store.find("member", name):
        raise taken
    kept = {"project_id": project.id, "role_id": body["role_id"]}
    kept["group_id" if of_group else "user_id"] = entity.id
    try:
        member = call.store.add("member", name, kept)
    except Conflict:
        raise taken from None
    return done(201, f"{API}/projects/{reference}/members/{member.id}")


def _wanted(call: Call, body: dict[str, Any]) -> Record:
    """Return the user or group to add."""
    if group := body.get("member_group"):
        return _wanted_group(call, group)
    wanted = body.get("member_user")
    if not wanted:
        raise internal()  # Harbor's own slip
    if number := wanted.get("user_id"):
        user = call.store.get("user", number)
    else:
        user = call.store.find("user", wanted.get("username", ""))
    if user is None:
        raise Refusal(404, "NOT_FOUND", f"user {wanted.get('username', number)} is not found")
    return user


def _wanted_group(call: Call, wanted: dict[str, Any]) -> Record:
    """Return the group to add; one that is not known yet is added where the identity provider names groups."""
    if number := wanted.get("id"):
        known = call.store.get("usergroup", number)
        if known is None:
            raise bad_request(f"Failed to get group {number}: UserGroup {number} not found")
        return known
    name = wanted.get("group_name", "")
    if dn := wanted.get("ldap_group_dn"):
        raise Refusal(404, "NOT_FOUND", f"{dn} not found: not supported")
    if known := call.store.find("usergroup", name):
        return known
    kind = TYPE_OF_MODE.get(str(setting(call.store, "auth_mode")))
    if kind is None:
        raise Refusal(404, "NOT_FOUND", f"{name} not found: not supported")
    return add_group(call.store, name, kind)


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
