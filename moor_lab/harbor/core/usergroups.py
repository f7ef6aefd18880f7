"""The API for groups of users, which an identity provider keeps and projects have as members."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.errors import Refusal, bad_request, conflict, not_in_the_stand_in
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.settings import setting
from moor_lab.harbor.core.store import Conflict, Record, Store

LDAP, HTTP, OIDC = 1, 2, 3
TYPE_OF_MODE = {"http_auth": HTTP, "oidc_auth": OIDC}
SHOWN_MODES = {"ldap_auth": LDAP, "http_auth": HTTP}  # in these, the list has one type of groups alone


def list_groups(call: Call) -> Response:
    call.need_system("user-group", "list")
    wanted = SHOWN_MODES.get(str(setting(call.store, "auth_mode")))
    part = call.request.args.get("group_name", "")
    groups = [one for one in call.store.all("usergroup") if wanted in (None, one.body["group_type"])]
    return call.listing([show(one) | {"id": one.id} for one in groups if part in one.body["group_name"]])


def show(group: Record) -> dict[str, Any]:
    return {name: value for name, value in group.body.items() if value}


def create_group(call: Call) -> Response:
    call.need_system("user-group", "create")
    body = call.body("usergroup")
    name, kind = body.get("group_name", ""), body.get("group_type", 0)
    if not name:
        return done(400)
    if kind == LDAP:
        raise not_in_the_stand_in("groups of LDAP")
    if kind not in (HTTP, OIDC):
        raise bad_request("unsupported user group type")
    return done(201, f"{API}/usergroups/{add_group(call.store, name, kind).id}")


def add_group(store: Store, name: str, kind: int) -> Record:
    body = {"group_name": name, "group_type": kind, "ldap_group_dn": ""}
    try:
        return store.add("usergroup", name, body)
    except Conflict:
        raise conflict("user group name already exists") from None


def _group(call: Call, number: int, action: str) -> Record:
    call.need_system("user-group", action)
    group = call.store.get("usergroup", number)
    if group is None:
        raise Refusal(404, "NOT_FOUND", f"the user group with id {number} is not found")
    return group


def get_group(call: Call, number: int) -> Response:
    return reply(show(_group(call, number, "read")))


def rename_group(call: Call, number: int) -> Response:
    group = _group(call, number, "update")
    name = call.body("usergroup").get("group_name", "")
    if not name:
        return done(400)
    group.body["group_name"] = group.name = name
    call.store.put(group)
    return done()


def delete_group(call: Call, number: int) -> Response:
    """Remove a group, and with it what it is in projects."""
    group = _group(call, number, "delete")
    for member in call.store.all("member"):
        if member.body.get("group_id") == group.id:
            call.store.remove(member)
    call.store.remove(group)
    return done()


ALL = f"{API}/usergroups"
ROUTES: list[Route] = [
    ("GET", ALL, list_groups),
    ("POST", ALL, create_group),
    ("GET", f"{ALL}/<int:number>", get_group),
    ("PUT", f"{ALL}/<int:number>", rename_group),
    ("DELETE", f"{ALL}/<int:number>", delete_group),
]
