"""The API for robot accounts."""

import re
from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import now, seconds
from moor_lab.harbor.core.errors import bad_request, conflict, not_found
from moor_lab.harbor.core.passwords import STRENGTH, keep, make_secret, strong
from moor_lab.harbor.core.query import matches, sort_by
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.settings import setting
from moor_lab.harbor.core.store import Conflict, Record

NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
DAY_S = 86400


def create_robot(call: Call) -> Response:
    """Create a robot; its secret is in this answer alone, and one that the caller sends is ignored."""
    call.need_login()
    body = call.body("robot")
    _check(body)
    if not NAME.fullmatch(body.get("name", "")):
        raise bad_request("robot name is not in lower case or contains illegal characters")
    project = _project_of(call, body)
    _need(call, project, "create")
    robot, secret = _insert(call, body, project)
    shown = {name: robot.body[name] for name in ("creation_time", "expires_at")}
    answer = reply(shown | {"id": robot.id, "name": full_name(call, robot), "secret": secret}, 201)
    return _located(answer, f"{API}/robots/{robot.id}")


def _located(answer: Response, location: str) -> Response:
    answer.autocorrect_location_header = False
    answer.headers["Location"] = location
    return answer


def _check(body: dict[str, Any]) -> None:
    """Raise Refusal for a level, duration or permissions that Harbor rejects; resources and actions are not checked."""
    level, permissions = body.get("level", ""), body.get("permissions") or []
    if level not in ("system", "project"):
        raise bad_request(f"bad request error level input: {level}")
    if body.get("duration", 0) < -1:
        raise bad_request(f"bad request error duration input: {body['duration']}")
    if not permissions:
        raise bad_request("bad request empty permission")
    if level == "project" and len(permissions) > 1:
        raise bad_request("bad request permission")


def _project_of(call: Call, body: dict[str, Any]) -> Record | None:
    """Return the project of a project's robot, None for a system robot."""
    return call.project(body["permissions"][0]["namespace"]) if body["level"] == "project" else None


def _need(call: Call, project: Record | None, action: str) -> None:
    if project is None:
        call.need_system("robot", action)
    else:
        call.need_login()
        call.need(project, "robot", action)


def _insert(call: Call, body: dict[str, Any], project: Record | None) -> tuple[Record, str]:
    name = f"{project.name}+{body['name']}" if project else body["name"]
    secret, time = make_secret(), now()
    duration = body.get("duration") or int(setting(call.store, "robot_token_duration"))
    kept = {
        "name": name,
        "description": body.get("description", ""),
        "disable": bool(body.get("disable")),
        "duration": duration,
        "expires_at": expiry(time, duration),
        "level": body["level"],
        "permissions": body["permissions"],
        "project_id": project.id if project else 0,
        "secret": keep(secret, call.core.pepper),
        "creation_time": time,
        "update_time": time,
    }
    key = f"{kept['project_id']}:{name}"
    try:
        return call.store.add("robot", key, kept), secret
    except Conflict:
        raise conflict(f"robot account {key} already exists") from None


def expiry(creation_time: str, duration: int) -> int:
    """Return the expiry in seconds since 1970, or -1 for never; durations count from the creation."""
    return -1 if duration == -1 else seconds(creation_time) + duration * DAY_S


def full_name(call: Call, robot: Record) -> str:
    """Return the login name of a robot."""
    return str(setting(call.store, "robot_name_prefix")) + str(robot.body["name"])


def show(call: Call, robot: Record) -> dict[str, Any]:
    names = ("creation_time", "disable", "duration", "expires_at", "level", "update_time")
    shown = {name: robot.body[name] for name in names}
    shown |= {"editable": True, "id": robot.id, "name": full_name(call, robot)}
    shown["permissions"] = [_show_grant(grant) for grant in robot.body["permissions"]]
    return shown | ({"description": robot.body["description"]} if robot.body["description"] else {})


def _show_grant(grant: dict[str, Any]) -> dict[str, Any]:
    access = [{name: value for name, value in one.items() if value} for one in grant["access"]]
    return {"access": access, "kind": grant["kind"], "namespace": grant["namespace"]}


def list_robots(call: Call) -> Response:
    """List system robots, or with q=Level=project,ProjectID=N those of a project."""
    call.need_login()
    query = call.query()
    if query.filters.get("level", "system") == "system":
        call.need_system("robot", "list")
        return _list(call, 0)
    number = query.filters.get("projectid", "")
    if not number:
        raise bad_request("must with project ID when to query project robots")
    project = call.project(number)
    call.need(project, "robot", "list")
    return _list(call, project.id)


def _list(call: Call, project_id: int) -> Response:
    query = call.query()
    wanted = query.filters.get("name")
    robots = [one for one in call.store.all("robot") if one.body["project_id"] == project_id]
    shown = [show(call, one) for one in robots if matches(wanted, one.body["name"])]
    return call.listing(sort_by(shown, query.sort, lambda one: one["name"]))


def _robot(call: Call, number: int, action: str) -> Record:
    call.need_login()
    robot = call.store.get("robot", number)
    if robot is None:
        raise not_found(f"robot {number}")
    _need(call, call.store.get("project", robot.body["project_id"]), action)
    return robot


def get_robot(call: Call, number: int) -> Response:
    return reply(show(call, _robot(call, number, "read")))


def update_robot(call: Call, number: int) -> Response:
    """Change a robot, given as GET returns it; a new duration counts from the creation."""
    body = call.body("robot")
    robot = _robot(call, number, "update")
    _check(body)
    if body["level"] != robot.body["level"] or body.get("name") != full_name(call, robot):
        raise bad_request("cannot update the level or name of robot")
    project = _project_of(call, body)
    if project and project.id != robot.body["project_id"]:
        raise bad_request("cannot update the project id of robot")
    duration = body.get("duration") or int(setting(call.store, "robot_token_duration"))
    if duration != robot.body["duration"]:
        robot.body["expires_at"] = expiry(robot.body["creation_time"], duration)
    robot.body |= {"duration": duration, "permissions": body["permissions"], "update_time": now()}
    robot.body |= {"description": body.get("description", ""), "disable": bool(body.get("disable"))}
    call.store.put(robot)
    return done()


def refresh_secret(call: Call, number: int) -> Response:
    """Set a new secret: the given one, or if that is empty a random one, which is returned."""
    robot = _robot(call, number, "update")
    given = call.body("robotSec").get("secret", "")
    if given and not strong(given):
        raise bad_request(f"the secret must {STRENGTH}")
    secret = given or make_secret()
    robot.body |= {"secret": keep(secret, call.core.pepper), "update_time": now()}
    call.store.put(robot)
    return reply({} if given else {"secret": secret})


def delete_robot(call: Call, number: int) -> Response:
    call.store.remove(_robot(call, number, "delete"))
    return done()


ONE = f"{API}/robots/<int:number>"
ROUTES: list[Route] = [
    ("GET", f"{API}/robots", list_robots),
    ("POST", f"{API}/robots", create_robot),
    ("GET", ONE, get_robot),
    ("PUT", ONE, update_robot),
    ("PATCH", ONE, refresh_secret),
    ("DELETE", ONE, delete_robot),
]
