"""The WSGI application with all routes of the core."""

from collections.abc import Callable, Mapping

from werkzeug.wrappers import Response

from moor_lab.harbor.core import (
    allowlist,
    audit,
    dashboard,
    directories,
    immutability,
    labels,
    members,
    metadatas,
    project_parts,
    projects,
    quotas,
    registries,
    registry,
    replication,
    repositories,
    retentions,
    robots,
    runs,
    scanners,
    schedules,
    system,
    tags,
    token_service,
    usergroups,
    users,
    webhooks,
)
from moor_lab.harbor.core.errors import not_in_the_stand_in
from moor_lab.harbor.core.inner import inner_client
from moor_lab.harbor.core.login import log_in
from moor_lab.harbor.core.service import API, Application, Call, Core, Route

MODULES = (
    allowlist,
    audit,
    dashboard,
    directories,
    immutability,
    labels,
    members,
    metadatas,
    project_parts,
    projects,
    quotas,
    registries,
    replication,
    repositories,
    retentions,
    robots,
    runs,
    scanners,
    schedules,
    system,
    tags,
    token_service,
    usergroups,
    users,
    webhooks,
    registry,
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
ABSENT = """
    * jobservice, ldap/groups, ldap/users, p2p, projectSummary
    * scanners/ping, scanners/<identifier>/metadata, scans, schedules
    * search, statistics, system/scanAll/stop, users/current/permissions
    * systeminfo/getcert
    * projects/<reference>/logs, projects/<reference>/preheat, projects/<reference>/robots
    GET projects/<reference>/webhook/jobs
    GET projects/<reference>/webhook/policies/<int:number>/executions
    POST projects/<reference>/repositories/<name>/artifacts
    * projects/<reference>/repositories/<name>/artifacts/<wanted>
    * retentions/<int:number>/executions/<int:execution>
    PUT system/gc/<int:number>, system/purgeaudit/<int:number>
    GET system/purgeaudit/<int:number>/log, usergroups/search
    GET replication/adapterinfos, replication/executions/<int:number>/tasks/<int:task>/log
"""  # what Harbor has and neither moor nor its tests ask, below its API: a method, * for all, and paths


def absent(call: Call, **_: str) -> Response:
    """Answer 501 for a route of Harbor that the stand-in lacks."""
    raise not_in_the_stand_in(call.request.path)


absent.produces = ""  # type: ignore[attr-defined]  # whatever the caller accepts


def absent_routes() -> list[Route]:
    """Return routes that answer 501: for ``*`` the path and all below, else only that method and path."""
    routes: list[Route] = [(method, rule, absent) for rule in ("/c", "/c/<path:rest>") for method in METHODS]
    for line in ABSENT.split("\n"):
        method, _, paths = line.strip().partition(" ")
        for path in paths.split(", ") if paths else ():
            if method == "*":
                below = (f"{API}/{path}", f"{API}/{path}/<path:rest>")
                routes += [(each, rule, absent) for rule in below for each in METHODS]
            else:
                routes.append((method, f"{API}/{path}", absent))
    return [*routes, ("GET", "/api/version", absent)]


def application(core: Core) -> Application:
    """Return the core as a WSGI application; routes of Harbor that it lacks answer 501."""
    routes = [route for module in MODULES for route in module.ROUTES]
    return Application(core, [*routes, *absent_routes()], log_in)


def web_check(url: str) -> Callable[[], object]:
    """Return a check that ``url`` answers 2xx within a second."""
    client = inner_client(timeout_s=1)

    def check() -> None:
        client.get(url).raise_for_status()

    return check


def checks(urls: Mapping[str, str]) -> dict[str, Callable[[], object]]:
    return {name: web_check(url) for name, url in urls.items()}
