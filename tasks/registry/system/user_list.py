"""The list of Harbor's users."""

from __future__ import annotations

from typing import Any

from moor.connections.apis.harbor_answers import HarborObject, Shape
from moor.tasks.registry.answers import Answers, Listing


class UserAnswer(HarborObject):
    """A user; Harbor leaves out an empty comment."""

    user_id: int
    username: str
    email: str | None = None
    realname: str | None = None
    comment: str | None = None
    sysadmin_flag: bool = False


USERS = Listing("/users", Shape(list[UserAnswer]))  # all but the first administrator


def user_names(answers: Answers) -> list[str]:
    """Return the names of all users but the first administrator."""
    return sorted(str(user["username"]) for user in answers.every(USERS))


def find_user(answers: Answers, name: str) -> dict[str, Any] | None:
    """Return a user by name."""
    by_name = answers.derived("by name", USERS, lambda users: {user["username"]: user for user in users})
    found: dict[str, Any] | None = by_name.get(name)
    return found
