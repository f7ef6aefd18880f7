"""All routes of the core, put together."""

from collections.abc import Callable, Mapping

from lab.harbor.core import (
    labels,
    members,
    metadata,
    projects,
    quotas,
    registry,
    repositories,
    robots,
    schedules,
    system,
    token_service,
    users,
)
from lab.harbor.core.inner import inner_client
from lab.harbor.core.login import log_in
from lab.harbor.core.service import API, Application, Core, absent_routes

MODULES = (
    labels,
    members,
    metadata,
    projects,
    quotas,
    repositories,
    robots,
    schedules,
    system,
    token_service,
    users,
    registry,
)
PROJECT = f"{API}/projects/<reference>"
ABSENT = (
    "/c",
    f"{API}/audit-logs",
    f"{API}/jobservice",
    f"{API}/ldap",
    f"{API}/oidc",
    f"{API}/p2p",
    f"{API}/projectSummary",
    f"{API}/registries",
    f"{API}/replication",
    f"{API}/retentions",
    f"{API}/scanners",
    f"{API}/schedules",
    f"{API}/search",
    f"{API}/statistics",
    f"{API}/system/CVEAllowlist",
    f"{API}/system/scanAll",
    f"{API}/usergroups",
    f"{API}/users/current/permissions",
    f"{API}/webhook",
    f"{PROJECT}/immutabletagrules",
    f"{PROJECT}/logs",
    f"{PROJECT}/preheat",
    f"{PROJECT}/scanner",
    f"{PROJECT}/webhook",
)


def application(core: Core) -> Application:
    """The core as a WSGI application; what Harbor has and this has not answers 501."""
    routes = [route for module in MODULES for route in module.ROUTES]
    return Application(core, [*routes, *absent_routes(ABSENT)], log_in)


def web_check(url: str) -> Callable[[], object]:
    """A check that ``url`` answers 2xx within a second."""
    client = inner_client(timeout_s=1)

    def check() -> None:
        client.get(url).raise_for_status()

    return check


def checks(urls: Mapping[str, str]) -> dict[str, Callable[[], object]]:
    return {name: web_check(url) for name, url in urls.items()}
