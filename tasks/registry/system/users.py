"""Harbor's own users, where it keeps them itself (mode database)."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from nornir.core.task import Task
from pydantic import AfterValidator, Field

from moor.connections.apis.harbor import Harbor
from moor.errors import ErrorKind, HostError
from moor.resources.base import State, Value
from moor.secrets.secret import Secret
from moor.settings import SecretRef
from moor.settings.section import StrictModel
from moor.tasks.registry.answers import API, Answers, Question
from moor.tasks.registry.fingerprints import NOT_OURS, fingerprints_of
from moor.tasks.registry.flat import flatten
from moor.tasks.registry.system.user_list import USERS, find_user
from moor.tasks.registry.thing import Thing, Unlisted

EMAIL = re.compile(r"[^<>()\[\]\\,;:\s@\"]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
FIRST = "admin"  # Harbor's first administrator; its password is data.harbor.admin_password


def check_email(text: str) -> str:
    """Return an email address; raise ValueError for what Harbor does not take for one."""
    if not EMAIL.fullmatch(text):
        raise ValueError("no email address, which Harbor wants of every user")
    return text


def check_user_name(name: str) -> str:
    """Return a user's name; raise ValueError for one that Harbor keeps for itself."""
    if name == FIRST:
        raise ValueError(f"{FIRST} is Harbor's first administrator; data.harbor.admin_password is its password")
    return name


UserName = Annotated[str, Field(pattern=r"^[^,~#$%:\s/\"]+$", max_length=255), AfterValidator(check_user_name)]


class User(StrictModel):
    """A user of Harbor's own.

    Attributes:
        email: one for each user
        realname: shown name
        comment: at most 30 characters
        administrator: whether it may do everything
        password: written when the user is made, and when it changes here
    """

    email: Annotated[str, AfterValidator(check_email), Field(max_length=255)]
    realname: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^,~#$%]+$")]
    comment: Annotated[str, Field(max_length=30)] = ""
    administrator: bool = False
    password: SecretRef


def payload_of(name: str, user: User) -> dict[str, Any]:
    """Return what Harbor is sent for a new user; the password in clear, since Harbor needs it so."""
    return {"username": name, "password": user.password.resolve().reveal(), **profile_of(user)}


def profile_of(user: User) -> dict[str, Any]:
    """Return what Harbor is sent of a user that is there."""
    return {"email": user.email, "realname": user.realname, "comment": user.comment}


def user_of(answer: Mapping[str, Any]) -> User:
    """Return the model of Harbor's answer, without the password."""
    return User.model_construct(
        email=str(answer.get("email") or ""),
        realname=str(answer.get("realname") or ""),
        comment=str(answer.get("comment") or ""),
        administrator=bool(answer.get("sysadmin_flag")),
        password=None,
    )


@dataclass(frozen=True)
class UserThing(Thing):
    """One user.

    The password is compared with what moor wrote last. The password of a user that moor did not make stays as it is.
    """

    name: str
    user: User

    @property
    def id(self) -> str:
        return f"user:{self.name}"

    def desired(self, actual: State | None) -> State:
        fields = flatten(self.user)
        if actual is not None and actual.get("password") == NOT_KNOWN:
            del fields["password"]
        return fields

    def first_questions(self) -> Iterable[Question]:
        return (USERS,)

    def found(self, answers: Answers, task: Task) -> State | None:
        answer = find_user(answers, self.name)
        if answer is None:
            return None
        kept, password = fingerprints_of(task.host), self.user.password.resolve()
        known = kept.has(self.id, "password")
        fields: dict[str, Value] = flatten(user_of(answer))
        return fields | {"password": kept.shown(self.id, "password", password) if known else NOT_KNOWN}

    def change(self, harbor: Harbor, actual: State | None, task: Task) -> None:
        password, kept = self.user.password.resolve(), fingerprints_of(task.host)
        present = self._present(harbor)
        if present is None:
            harbor.change("POST", f"{API}/users", payload_of(self.name, self.user))
            kept.keep(self.id, "password", password)
            present = self._present(harbor)
        if present is None:
            raise HostError("Harbor made the user but does not list it; run again", ErrorKind.ANSWER)
        place = f"{API}/users/{present['user_id']}"
        harbor.change("PUT", place, profile_of(self.user))
        if bool(present.get("sysadmin_flag")) != self.user.administrator:
            harbor.change("PUT", f"{place}/sysadmin", {"sysadmin_flag": self.user.administrator})
        if kept.shown(self.id, "password", password) == NOT_OURS and kept.has(self.id, "password"):
            self._set_password(harbor, place, password)
            kept.keep(self.id, "password", password)

    def _set_password(self, harbor: Harbor, place: str, password: Secret) -> None:
        """Set the password; Harbor's refusal of the one that the user has already is no error."""
        try:
            harbor.change("PUT", f"{place}/password", {"new_password": password.reveal()})
        except HostError as error:
            if "identical" not in str(error):
                raise

    def _present(self, harbor: Harbor) -> dict[str, Any] | None:
        return next((one for one in USERS.ask(harbor) if one["username"] == self.name), None)


NOT_KNOWN = "not known"


def unlisted_users(answers: Answers, listed: Container[str]) -> Iterator[Unlisted]:
    """Yield the users that are not listed; Harbor's list leaves out its first administrator."""
    for answer in answers.every(USERS):
        if answer["username"] in listed:
            continue
        lost = flatten(user_of(answer)) | {"memberships": "in every project where it is a member"}
        shown = tuple((field, str(text)) for field, text in lost.items())
        name, number = f"user:{answer['username']}", int(answer["user_id"])
        yield Unlisted(name, shown, USERS, number, (f"/users/{number}",), id_field="user_id")
