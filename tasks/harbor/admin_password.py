"""The password of the account by which moor uses Harbor, changed from the one before to the one of the inventory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.errors import ErrorKind, HarborUnreachable, HostError, InputError
from moor.resources.base import Remote, Resource, State
from moor.secrets.secret import Secret
from moor.settings import optional_settings_of, prefix_errors
from moor.tasks.harbor.api import api_login_of, harbor_of, may_be_created
from moor.tasks.harbor.settings import HarborSettings

WEAK = "Harbor wants 8 to 128 characters with an upper case letter, a lower case letter and a digit"


class CurrentUser(HarborObject):
    """The user who asks."""

    user_id: int


CURRENT_USER = Shape(CurrentUser)


def is_strong(password: Secret) -> bool:
    """Return whether Harbor takes a password."""
    text = password.reveal()
    return 8 <= len(text) <= 128 and all(re.search(part, text) for part in ("[A-Z]", "[a-z]", "[0-9]"))


def password_things(host: Host) -> Iterator[Resource]:
    """Yield the password, if the inventory has the one before too."""
    if pair := _passwords(host):
        yield AccountPassword(pair[0], pair[1], pair[2])


def password_faults(host: Host) -> list[str]:
    """Return why the password cannot be changed, before Harbor is asked; empty if it can."""
    try:
        pair = _passwords(host)
    except InputError as error:
        return str(error).splitlines()
    if pair is None:
        return []
    _, new, before = pair
    key = f"{_key(host)}password"
    if new == before:
        return [
            f"{key}: it is the same as {key}_before; write the new password, or drop {key.rpartition('.')[2]}_before"
        ]
    return [] if is_strong(new) else [f"{key}: {WEAK}"]


def _key(host: Host) -> str:
    settings = optional_settings_of(host, HarborSettings)
    return "data.harbor.admin_" if settings is None or settings.managed else "data.harbor.account."


def _passwords(host: Host) -> tuple[str, Secret, Secret] | None:
    """Return the user, its new password and the one before; None if none is to be changed.

    Raises:
        InputError: one cannot be read
    """
    settings, login = optional_settings_of(host, HarborSettings), api_login_of(host)
    if settings is None or login is None or settings.password_before is None:
        return None
    found, wrong = [], []
    for name, reference in (("password", login[1]), ("password_before", settings.password_before)):
        try:
            with prefix_errors(f"{_key(host)}{name}"):
                found.append(reference.resolve())
        except InputError as error:
            wrong.append(str(error))
    if wrong:
        raise InputError("\n".join(wrong))
    return login[0], found[0], found[1]


@dataclass(frozen=True)
class AccountPassword(Remote):
    """The password of a user of Harbor's, by which moor logs in.

    A run that dies at any point leaves one of both passwords in Harbor; the next one finds out which by logging in.
    """

    user: str
    new: Secret
    before: Secret

    @property
    def id(self) -> str:
        return f"harbor-password:{self.user}"

    def desired(self, actual: State | None) -> State:
        return {"password": self.new}

    def read(self, task: Task) -> State | None:
        harbor = harbor_of(task)
        login = harbor.changing_login
        if login is None:
            return {"password": self.new.sha256()}
        try:
            present = login.current(harbor.takes)
        except HarborUnreachable:
            if may_be_created(task):
                return {"password": self.new.sha256()}  # its first start takes the new one
            raise
        return {"password": (self.new if present == login.new else self.before).sha256()}

    def write(self, task: Task, actual: State | None) -> None:
        harbor = harbor_of(task)
        login = harbor.changing_login
        if login is None or login.current(harbor.takes) == login.new:
            return
        found: dict[str, Any] | None = harbor.get("/api/v2.0/users/current", CURRENT_USER)
        if found is None:
            raise HostError(f"Harbor does not know its user {self.user}; correct data.harbor.account", ErrorKind.ANSWER)
        sent = {"old_password": self.before.reveal(), "new_password": self.new.reveal()}
        harbor.change("PUT", f"/api/v2.0/users/{found['user_id']}/password", sent)
        if not harbor.takes(login.new):
            raise HostError(
                "Harbor said that it changed the password, and refuses the new one; run again, and if "
                "it stays so, set it "
                "in Harbor's portal",
                ErrorKind.UNMET,
            )
        login.use_new()
