"""Authentication of requests: Basic for users and robots, Bearer for tokens of /service/token."""

import time

from werkzeug.wrappers import Request

from moor_lab.harbor.core.passwords import right
from moor_lab.harbor.core.rights import ANYONE, Caller
from moor_lab.harbor.core.service import Core
from moor_lab.harbor.core.settings import setting


def log_in(core: Core, request: Request) -> Caller:
    """Return the caller; nobody if it is unknown, since many endpoints answer anonymous requests."""
    given = request.authorization
    if given is None or given.type != "basic":
        return ANYONE
    return check(core, given.username or "", given.password or "")


def check(core: Core, name: str, password: str) -> Caller:
    """Return the caller if the password is right, else nobody after Harbor's delay."""
    return _robot(core, name, password) or _user(core, name, password)


def _robot(core: Core, name: str, secret: str) -> Caller | None:
    prefix = str(setting(core.store, "robot_name_prefix"))
    if not name.startswith(prefix):
        return None
    robot = next((one for one in core.store.all("robot") if one.body["name"] == name.removeprefix(prefix)), None)
    if robot is None or robot.body["disable"] or expired(robot.body["expires_at"]):
        return None
    return Caller(name, robot=robot) if right(secret, robot.body["secret"], core.pepper) else None


def expired(expires_at: int) -> bool:
    return expires_at != -1 and expires_at <= time.time()


def _user(core: Core, name: str, password: str) -> Caller:
    if core.lock.held(name):
        return ANYONE
    user = core.store.find("user", name)
    if user and right(password, user.body["password"]):
        return Caller(name, user=user)
    core.lock.punish(name)
    return ANYONE
