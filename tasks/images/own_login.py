"""The login by which images of the registry are read where moor has no account of its own there."""

from __future__ import annotations

from nornir.core.task import Task

from moor.tasks.harbor.api import api_login_of
from moor.tasks.registry.projects import given_login


def own_login(task: Task, project: str, name: str) -> tuple[str, str] | None:
    """Return the login of ``data.logins`` to read with; None where moor has an account of its own."""
    if api_login_of(task.host):
        return None
    given = given_login(task.host, project, name)
    return (given.user, given.password.resolve().reveal()) if given else None
