"""The API for users, including the current one."""

import re
from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import now
from moor_lab.harbor.core.errors import bad_request, conflict, forbidden, not_found, precondition
from moor_lab.harbor.core.passwords import STRENGTH, keep, right, strong
from moor_lab.harbor.core.query import matches, sort_by
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.settings import setting
from moor_lab.harbor.core.store import Conflict, Record, Store

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
ILLEGAL = re.compile("[,~#$%]")
LONGEST_COMMENT = 30
WEAK = f"the password or secret must be {STRENGTH}"


def first_start(store: Store, admin_password: str) -> None:
    """Create the administrator and the project library once; a later harbor_admin_password has no effect."""
    if store.find("user", "admin"):
        return
    time = now()
    times = {"creation_time": time, "update_time": time}
    person = {"realname": "system admin", "comment": "admin user", "email": "", "sysadmin_flag": True}
    store.add("user", "admin", times | person | {"password": keep(admin_password)})
    anonymous = store.add("user", "anonymous", times)  # it has id 2 in Harbor
    store.remove(anonymous)
    body = times | {
        "metadata": {"public": "true"},
        "owner_id": 1,
        "owner_name": "admin",
        "allowed": {"items": []},
        "allowlist": 1,
    }
    library = store.add("project", "library", body)
    store.add("allowlist", "library", {})
    store.add("member", f"{library.id}:1", {"project_id": library.id, "user_id": 1, "role_id": 1})
    store.add("quota", str(library.id), {"hard": -1, **times})


def current_user(call: Call) -> Response:
    call.need_login()
    if call.who.user is None:
        raise precondition("get current user not available for security context: robot")
    return reply(show(call.who.user))


def show(user: Record) -> dict[str, Any]:
    names = ("creation_time", "update_time", "realname", "sysadmin_flag")
    shown = {name: user.body[name] for name in names}
    shown |= {"admin_role_in_auth": False, "user_id": user.id, "username": user.name}
    return shown | {name: user.body[name] for name in ("comment", "email") if user.body.get(name)}


def create_user(call: Call) -> Response:
    mode = setting(call.store, "auth_mode")
    if mode != "db_auth":
        raise forbidden(f"creating local user is not allowed under auth mode: {mode}")
    call.need_administrator()
    body = call.body("userReq")
    if not strong(body.get("password", "")):
        raise bad_request(WEAK)
    _check_profile(body)
    user = _insert(call.store, body)
    return done(201, f"{API}/users/{user.id}")


def _check_profile(body: dict[str, Any]) -> None:
    """Raise Refusal for an email, real name or comment that Harbor does not take."""
    if not body.get("email"):
        raise bad_request("email can't be empty")
    if not EMAIL.fullmatch(body["email"]):
        raise bad_request("email with illegal format")
    if not 1 <= len(body.get("realname", "")) <= 255:
        raise bad_request("realname with illegal length")
    if ILLEGAL.search(body["realname"]):
        raise bad_request("realname contains illegal characters")
    if len(body.get("comment", "")) > LONGEST_COMMENT:
        raise bad_request("comment with illegal length")


def _insert(store: Store, body: dict[str, Any]) -> Record:
    time = now()
    kept = {name: body.get(name, "") for name in ("email", "realname", "comment")}
    kept |= {"creation_time": time, "update_time": time, "sysadmin_flag": False, "password": keep(body["password"])}
    taken = any(user.body.get("email") == body["email"] for user in store.all("user"))
    try:
        user = store.add("user", body["username"], kept)
    except Conflict:
        taken = True
    else:
        if not taken:
            return user
        store.remove(user)
    raise conflict(f"user {body['username']} or email {body['email']} already exists")


def list_users(call: Call) -> Response:
    """Return all users but the first administrator."""
    call.need_administrator()
    query = call.query()
    wanted = query.filters.get("username")
    users = [user for user in call.store.all("user") if user.id != 1 and matches(wanted, user.name)]
    return call.listing(sort_by([show(user) for user in users], query.sort, lambda one: one["username"]))


def _user(call: Call, number: int, *, itself: bool = False) -> Record:
    """Return the user of a path; with ``itself``, users may access their own record."""
    call.need_login()
    if not (itself and call.who.user and call.who.user.id == number):
        call.need_administrator()
    user = call.store.get("user", number)
    if user is None:
        raise not_found(f"user {number}")
    return user


def get_user(call: Call, number: int) -> Response:
    return reply(show(_user(call, number, itself=True)))


def search_users(call: Call) -> Response:
    """Return the users whose name contains a word, by id and name."""
    call.need_login()
    wanted = call.request.args.get("username", "")
    found = [user for user in call.store.all("user") if user.id != 1 and wanted in user.name]
    return call.listing([{"user_id": user.id, "username": user.name} for user in found])


def _modifiable(call: Call, number: int) -> Record:
    """Return a user that may be changed here: with a directory of users, only the first administrator."""
    if number != 1 and setting(call.store, "auth_mode") != "db_auth":
        raise forbidden(f"User with ID {number} can't be updated")
    return _user(call, number, itself=True)


def update_profile(call: Call, number: int) -> Response:
    """Replace email, real name and comment; those that are not sent are emptied."""
    user = _modifiable(call, number)
    body = call.body("profile")
    _check_profile(body)
    wanted = {name: body.get(name, "") for name in ("email", "realname", "comment")}
    if any(one.id != number and one.body.get("email") == wanted["email"] for one in call.store.all("user")):
        raise conflict(f"user with email {wanted['email']} already exists")
    user.body |= wanted | {"update_time": now()}
    call.store.put(user)
    return done()


def set_administrator(call: Call, number: int) -> Response:
    user = _user(call, number)
    user.body |= {"sysadmin_flag": bool(call.body("sysadmin_flag").get("sysadmin_flag")), "update_time": now()}
    call.store.put(user)
    return done()


def set_cli_secret(call: Call, number: int) -> Response:
    """Refuse, as Harbor does unless users come from OIDC, which the stand-in never lets in."""
    _user(call, number, itself=True)
    raise precondition(f"unable to update CLI secret under authmode: {setting(call.store, 'auth_mode')}")


def change_password(call: Call, number: int) -> Response:
    """Change a password; an administrator needs the old one only for its own."""
    user = _modifiable(call, number)
    body = call.body("password")
    own = call.who.user is not None and call.who.user.id == number
    if (own or not call.who.administrator) and not right(body.get("old_password", ""), user.body["password"]):
        raise forbidden("Current password is incorrect")
    wanted = body.get("new_password", "")
    if not strong(wanted):
        raise bad_request(WEAK)
    if right(wanted, user.body["password"]):
        raise bad_request("New password is identical to old password")
    user.body |= {"password": keep(wanted), "update_time": now()}
    call.store.put(user)
    return done()


def delete_user(call: Call, number: int) -> Response:
    user = _user(call, number)
    if number == 1:
        raise forbidden("User with ID 1 cannot be deleted")
    call.store.remove(user)
    return done()


ONE = f"{API}/users/<int:number>"
ROUTES: list[Route] = [
    ("GET", f"{API}/users/current", current_user),
    ("GET", f"{API}/users", list_users),
    ("POST", f"{API}/users", create_user),
    ("GET", f"{API}/users/search", search_users),
    ("GET", ONE, get_user),
    ("PUT", ONE, update_profile),
    ("DELETE", ONE, delete_user),
    ("PUT", f"{ONE}/sysadmin", set_administrator),
    ("PUT", f"{ONE}/cli_secret", set_cli_secret),
    ("PUT", f"{ONE}/password", change_password),
]
