"""Callers and their rights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moor_lab.harbor.core.store import Record, Store

ADMIN, DEVELOPER, GUEST, MAINTAINER, LIMITED_GUEST = 1, 2, 3, 4, 5
ROLE_NAMES = {ADMIN: "projectAdmin", DEVELOPER: "developer", GUEST: "guest", MAINTAINER: "maintainer"}
ROLE_NAMES[LIMITED_GUEST] = "limitedGuest"

OPEN = {  # rights of everyone in a public project
    ("project", "read"),
    ("metadata", "read"),
    ("metadata", "list"),
    ("repository", "read"),
    ("repository", "list"),
    ("repository", "pull"),
    ("artifact", "read"),
    ("artifact", "list"),
    ("tag", "list"),
}
DEVELOPS = {("repository", "push"), ("repository", "update"), ("tag", "create"), ("artifact", "create")}
KEPT_FROM_MAINTAINERS = {"project", "member", "robot", "metadata", "quota"}  # maintainers may only read these


@dataclass(frozen=True)
class Caller:
    """The caller: nobody, a user, or a robot.

    Attributes:
        name: as it logs in; "anonymous" for nobody
    """

    name: str = "anonymous"
    user: Record | None = None
    robot: Record | None = None

    @property
    def known(self) -> bool:
        return self.user is not None or self.robot is not None

    @property
    def administrator(self) -> bool:
        return self.user is not None and bool(self.user.body["sysadmin_flag"])

    @property
    def of_the_system(self) -> bool:
        """Return whether this is a system robot, which has no rights in public projects beyond its permissions."""
        return self.robot is not None and self.robot.body["level"] == "system"

    def permissions(self) -> list[Mapping[str, Any]]:
        return self.robot.body["permissions"] if self.robot else []


ANYONE = Caller()


@dataclass(frozen=True)
class Rights:
    """The rights of the caller ``who``; ``store`` has the memberships.

    Attributes:
        both_levels: whether a robot has its rights in projects beside those of the system, as since Harbor 2.10
    """

    store: Store
    who: Caller = field(default=ANYONE)
    both_levels: bool = False

    def in_system(self, resource: str, action: str) -> bool:
        """Return whether the caller may act on a system resource."""
        if self.who.administrator:
            return True
        allowed = (grant["access"] for grant in self.who.permissions() if grant["kind"] == "system")
        return any(_grants(access, resource, action) for access in allowed)

    def in_project(self, project: Record, resource: str, action: str) -> bool:
        """Return whether the caller may act on a thing of ``project``; resource ``project`` is the project itself."""
        if self.who.administrator:
            return True
        if is_public(project) and (resource, action) in OPEN and not self.who.of_the_system:
            return True
        if self.who.robot:
            return self._robot_may(project, resource, action)
        return any(role_may(role, resource, action) for role in self.roles(project))

    def _robot_may(self, project: Record, resource: str, action: str) -> bool:
        grants = self.who.permissions()
        if not self.both_levels and any(grant["kind"] == "system" for grant in grants):
            return False  # as in Harbor, one system permission removes all project permissions
        mine = (grant["access"] for grant in grants if grant["namespace"] in ("*", project.name))
        return any(_grants(access, resource, action) for access in mine)

    def roles(self, project: Record) -> list[int]:
        """Return the caller's roles in ``project``; being an administrator is not a role."""
        if not self.who.user:
            return []
        member = self.store.find("member", f"{project.id}:{self.who.user.id}")
        return [member.body["role_id"]] if member else []

    def sees(self, project: Record) -> bool:
        """Return whether the caller sees the project in lists."""
        if self.who.administrator or is_public(project) or self.roles(project):
            return True
        return any(grant["kind"] == "project" and grant["namespace"] == "*" for grant in self.who.permissions())


def is_public(project: Record) -> bool:
    return bool(project.body["metadata"].get("public") == "true")


def _grants(access: list[Mapping[str, str]], resource: str, action: str) -> bool:
    return any(one.get("resource") == resource and one.get("action") == action for one in access)


def role_may(role: int, resource: str, action: str) -> bool:
    """Return a member's rights; coarser than Harbor's table, never wider for push, pull, and a project's settings."""
    if role == ADMIN:
        return True
    reading = action in ("read", "list", "pull")
    if role == MAINTAINER:
        return reading or resource not in KEPT_FROM_MAINTAINERS
    if role == DEVELOPER:
        return reading or (resource, action) in DEVELOPS
    if role == GUEST:
        return reading
    return role == LIMITED_GUEST and (resource, action) in OPEN
