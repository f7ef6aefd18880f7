"""The connection to the API of Harbor, whoever runs it, by the account that the inventory names."""

from __future__ import annotations

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.connections.apis.harbor import Harbor
from moor.connections.apis.harbor_login import ChangingLogin
from moor.context import context_of, runs_registry
from moor.engine.asked_once import ask_once
from moor.engine.observation import observation_of
from moor.settings import SecretRef, optional_settings_of, settings_of
from moor.tasks.facts import Registry, own_registry
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.pki.issue import trust_of


def may_be_created(task: Task) -> bool:
    """Return whether a plan may treat a Harbor that does not answer as one that the apply will install.

    A drift check may not: it reports what it cannot read as not examined.
    """
    if not runs_registry(task.host):
        return False
    harbor = optional_settings_of(task.host, HarborSettings)
    serves = harbor is not None and task.host.has_parent_group("harbor")
    unpacked = observation_of(task.host).states.get(f"unpacked:{harbor.directory}") if harbor and serves else None
    return task.is_dry_run() and not context_of(task).examining and unpacked is None


def api_login_of(host: Host) -> tuple[str, SecretRef] | None:
    """Return the login by which moor makes projects and robots; None without one, and for a registry but Harbor."""
    settings = optional_settings_of(host, HarborSettings)
    if settings is None or settings_of(host, Registry).api != "harbor":
        return None
    return settings.login


def login_for(host: Host) -> tuple[str, str] | ChangingLogin | None:
    """Return the login of moor's own account for a client of its own; None without an account."""
    login = api_login_of(host)
    if login is None:
        return None
    settings = optional_settings_of(host, HarborSettings)
    before, new = settings.password_before if settings else None, login[1].resolve()
    return ChangingLogin(login[0], new, before.resolve()) if before else (login[0], new.reveal())


def changing_login_of(task: Task) -> ChangingLogin | None:
    """Return the login whose password is being changed, one for the whole run; None if none is."""
    login = login_for(task.host)
    if not isinstance(login, ChangingLogin):
        return None
    return ask_once(task, ("login of harbor", settings_of(task.host, Registry).name, login.new[0]), lambda: login)


def harbor_of(task: Task) -> Harbor:
    """Return the host's connection to the registry, opened at the first call; to Harbor's API by moor's own login."""
    if "harbor" not in task.host.connections:
        registry, login = own_registry(task.host), api_login_of(task.host)
        if login is None and runs_registry(task.host):
            settings_of(task.host, HarborSettings)  # raises, since it is missing
        task.host.open_connection(
            "harbor",
            task.nornir.config,
            hostname=str(registry.address),
            username=login[0] if login else None,
            password=login[1].resolve().reveal() if login else None,
            port=registry.port,
            extras={
                "name": registry.name,
                "trust": trust_of(task.host),
                "own": runs_registry(task.host),
                "changing": changing_login_of(task),
            },
            default_to_host_attributes=False,
        )
    connection: Harbor = task.host.connections["harbor"].connection
    return connection


def second_client(task: Task) -> Harbor:
    """Return another client of the same Harbor by the same login, for another thread; the caller closes it."""
    registry, login = own_registry(task.host), changing_login_of(task) or login_for(task.host)
    own = runs_registry(task.host)
    return Harbor(registry.name, str(registry.address), registry.port, login, trust_of(task.host), own=own)
