"""Members of a project, users and groups of users, each with a role."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from nornir.core.task import Task
from pydantic import Field

from moor.connections.apis.harbor import Harbor, require_success
from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.errors import ErrorKind, HostError
from moor.resources.base import State
from moor.settings.section import StrictModel
from moor.tasks.registry.answers import API, Answers, Listing, Question
from moor.tasks.registry.project.number import PROJECTS, Place, present_number, project_number
from moor.tasks.registry.thing import Thing, Unlisted

Role = Literal["admin", "maintainer", "developer", "guest", "limited_guest"]
# Harbor takes any other number too, answers 200, and no longer shows the member.
ROLE_NUMBERS: dict[Role, int] = {"admin": 1, "developer": 2, "guest": 3, "maintainer": 4, "limited_guest": 5}
GROUP_TYPES = {"ldap": 1, "http": 2, "oidc": 3}
USER, GROUP = "u", "g"
FIRST_USER = 1  # Harbor's own administrator
CONFLICT = 409

UserName = Annotated[str, Field(min_length=1, max_length=255, pattern=r'^[^,"~#%$\s]+$')]
GroupName = Annotated[str, Field(min_length=1, max_length=255)]


class Group(StrictModel):
    """A group of users as a member.

    Attributes:
        role: what its users may do in the project
        ldap_dn: the group's name in the directory, for a group of LDAP
        type: ``ldap``, ``oidc`` or ``http``: where the group is known
    """

    role: Role
    ldap_dn: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9.-]*=.+$")] | None = None
    type: Literal["ldap", "http", "oidc"] = "oidc"

    @property
    def number(self) -> int:
        """Return Harbor's number of the group's type."""
        return GROUP_TYPES["ldap" if self.ldap_dn else self.type]


class MemberAnswer(HarborObject):
    """A member of a project."""

    id: int
    entity_name: str
    entity_type: str
    role_id: int
    entity_id: int


class UserGroupAnswer(HarborObject):
    """A group of users that Harbor knows."""

    id: int
    group_name: str = ""
    ldap_group_dn: str = ""


MEMBERS = Shape(list[MemberAnswer])
USER_GROUPS = Listing("/usergroups", Shape(list[UserGroupAnswer]))


def members_of(project: int) -> Listing:
    """Return the list of a project's members, by its number."""
    return Listing(f"/projects/{project}/members", MEMBERS)


def user_payload(name: str, role: Role) -> dict[str, Any]:
    """Return what Harbor is sent for a user."""
    return {"role_id": ROLE_NUMBERS[role], "member_user": {"username": name}}


def group_payload(name: str, group: Group) -> dict[str, Any]:
    """Return what Harbor is sent for a group."""
    named = {"group_name": name, "group_type": group.number}
    dn = {"ldap_group_dn": group.ldap_dn} if group.ldap_dn else {}
    return {"role_id": ROLE_NUMBERS[group.role], "member_group": {**named, **dn}}


def role_of(answer: Mapping[str, Any]) -> str:
    """Return the role of Harbor's answer; one that moor does not know, by its number."""
    number = answer["role_id"]
    return next((role for role, known in ROLE_NUMBERS.items() if known == number), f"number {number}")


@dataclass(frozen=True)
class MemberThing(Thing):
    """A user or a group in a project, with a role.

    Attributes:
        project: its name
        name: of the user or the group
        role: to have
        group: the group; None for a user
    """

    project: str
    name: str
    role: Role
    group: Group | None = None

    @property
    def id(self) -> str:
        return member_id(self.project, self.name, GROUP if self.group else USER)

    def desired(self, actual: State | None) -> State:
        return {"role": self.role}

    def first_questions(self) -> Iterable[Question]:
        return (PROJECTS, USER_GROUPS) if self.group and self.group.ldap_dn else (PROJECTS,)

    def next_questions(self, answers: Answers) -> Iterable[Question]:
        number = project_number(answers, self.project)
        return () if number is None else (members_of(number),)

    def found(self, answers: Answers, task: Task) -> State | None:
        number = project_number(answers, self.project)
        for answer in () if number is None else answers.every(members_of(number)):
            if self.is_in(answer, answers):
                return {"role": role_of(answer), "id": str(answer["id"])}
        return None

    def is_in(self, answer: Mapping[str, Any], answers: Answers) -> bool:
        """Return whether an entry of Harbor's list is this member."""
        if answer["entity_type"] != (GROUP if self.group else USER):
            return False
        if self.group and self.group.ldap_dn:
            return self.group.ldap_dn.lower() == _dn_of(answer["entity_id"], answers).lower()
        return bool(answer["entity_name"] == self.name)

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        path = f"{API}/projects/{present_number(harbor, self.project)}/members"
        if actual is not None:
            harbor.change("PUT", f"{path}/{actual['id']}", {"role_id": ROLE_NUMBERS[self.role]})
            return
        payload = group_payload(self.name, self.group) if self.group else user_payload(self.name, self.role)
        answer = harbor.ask("POST", path, body=payload)
        if answer.status_code == CONFLICT:
            self._change_listed(harbor, path)
        else:
            require_success(answer)

    def _change_listed(self, harbor: Harbor, path: str) -> None:
        """Set the role of a member that was none when the plan was made: who makes a project becomes a member of it."""
        number = int(path.split("/")[-2])
        present = [one for one in members_of(number).ask(harbor) if self.is_in(one, Answers(harbor))]
        if not present:
            raise HostError(f"{self.id}: {HIDDEN}", ErrorKind.ANSWER)
        harbor.change("PUT", f"{path}/{present[0]['id']}", {"role_id": ROLE_NUMBERS[self.role]})


HIDDEN = (
    "Harbor has it as a member already and does not list it, since its role is a number that Harbor does not know; "
    "remove its row from the table project_member of Harbor's database, and run again"
)


def member_id(project: str, name: str, kind: str) -> str:
    """Return the id of a member's resource."""
    return f"member:{project}/{'group ' if kind == GROUP else ''}{name}"


def _dn_of(group: int, answers: Answers) -> str:
    known = answers.derived("by id", USER_GROUPS, lambda groups: {one["id"]: one for one in groups})
    return str(known.get(group, {}).get("ldap_group_dn", ""))


def unlisted_members(
    place: Place, listed: Collection[MemberThing], kinds: Collection[str], own_user: str
) -> Iterator[Unlisted]:
    """Yield the members that are not listed, except Harbor's administrator and the account that moor itself uses.

    Args:
        place: the project
        listed: the members in the inventory
        kinds: ``members``, ``groups`` or both
        own_user: the account that moor uses
    """
    for answer in place.answers.every(members_of(place.number)):
        kind, name = answer["entity_type"], answer["entity_name"]
        kept = kind == USER and (answer["entity_id"] == FIRST_USER or name == own_user)
        meant = ("groups" if kind == GROUP else "members") in kinds
        if meant and not kept and not any(member.is_in(answer, place.answers) for member in listed):
            path = f"/projects/{place.number}/members/{answer['id']}"
            lost = (("role", role_of(answer)),)
            yield Unlisted(member_id(place.name, name, kind), lost, members_of(place.number), answer["id"], (path,))
