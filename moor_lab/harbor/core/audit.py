"""The API for the audit log, of which the stand-in keeps pulls and pushes of artifacts alone."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import now
from moor_lab.harbor.core.query import matches, sort_by
from moor_lab.harbor.core.service import API, Call, Route
from moor_lab.harbor.core.store import Record


def note(call: Call, operation: str, resource: str) -> None:
    """Add an entry for an artifact; who has a token is its subject."""
    given = call.request.authorization
    read = call.core.tokens.read(given.token or "") if given is not None and given.type == "bearer" else None
    entry = {"operation": operation, "resource": resource, "resource_type": "artifact", "op_time": now()}
    entry["username"] = read[0] if read else call.who.name
    call.store.add("audit", f"{entry['op_time']} {id(entry)} {resource}", entry)


def list_audit_logs(call: Call) -> Response:
    """List the entries of the projects whose log the caller may read."""
    call.need_login()
    filters = call.query().filters
    entries = [show(one) for one in call.store.all("audit") if _may(call, one)]
    found = [
        one
        for one in entries
        if all(matches(filters.get(name), one[name]) for name in ("username", "operation", "resource"))
    ]
    return call.listing(sort_by(found, call.query().sort, lambda one: -one["id"]))


def show(entry: Record) -> dict[str, Any]:
    return entry.body | {"id": entry.id}


def _may(call: Call, entry: Record) -> bool:
    if call.rights.in_system("audit-log", "list"):
        return True
    project = call.store.find("project", str(entry.body["resource"]).partition("/")[0])
    return project is not None and call.rights.in_project(project, "log", "list")


ROUTES: list[Route] = [("GET", f"{API}/audit-logs", list_audit_logs)]
