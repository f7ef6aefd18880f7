"""The API for a project's metadata, one value at a time."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.errors import bad_request, conflict
from moor_lab.harbor.core.project_requests import SEVERITIES
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.store import Record

SWITCHES = {
    "auto_scan",
    "enable_content_trust",
    "enable_content_trust_cosign",
    "prevent_vul",
    "public",
    "reuse_sys_cve_allowlist",
}
TRUE, FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")  # Go's ParseBool


def list_metadata(call: Call, reference: str) -> Response:
    return reply(_project(call, reference, "list").body["metadata"])


def _project(call: Call, reference: str, action: str) -> Record:
    project = call.project(reference)
    call.need(project, "metadata", action)
    return project


def add_metadata(call: Call, reference: str) -> Response:
    """Add one value that is not there yet; unlike PUT of a project, this checks it."""
    project = _project(call, reference, "create")
    name, value = _checked(call.body("metadata"))
    if name in project.body["metadata"]:
        raise conflict(f"metadata {name} already exists for project {project.id}")
    _write(call, project, name, value)
    return done()


def _checked(metadata: dict[str, Any]) -> tuple[str, str]:
    """Return the one name and its value in Harbor's spelling."""
    if len(metadata) != 1:
        raise bad_request("only allow one key/value pair")
    [(name, value)] = metadata.items()
    if name in SWITCHES:
        if value not in TRUE + FALSE:
            raise bad_request(f"invalid value: {value}")
        return name, "true" if value in TRUE else "false"
    if name == "severity":
        if str(value).lower() not in SEVERITIES:
            raise bad_request(f"invalid value: {value}")
        return name, str(value).lower()
    raise bad_request(f"invalid key: {name}")


def _write(call: Call, project: Record, name: str, value: str) -> None:
    project.body["metadata"][name] = value
    call.store.put(project)


def get_metadata(call: Call, reference: str, name: str) -> Response:
    """Return one value; like Harbor, an empty object if there is none."""
    metadata = _project(call, reference, "read").body["metadata"]
    return reply({name: metadata[name]} if name in metadata else {})


def update_metadata(call: Call, reference: str, name: str) -> Response:
    """Set one value; a project that lacks it stays without it, as an update of no row does."""
    project = _project(call, reference, "update")
    _, value = _checked({name: call.body("metadata").get(name, "")})
    if name in project.body["metadata"]:
        _write(call, project, name, value)
    return done()


def delete_metadata(call: Call, reference: str, name: str) -> Response:
    project = _project(call, reference, "delete")
    if project.body["metadata"].pop(name, None) is not None:
        call.store.put(project)
    return done()


ALL = f"{API}/projects/<reference>/metadatas"
ROUTES: list[Route] = [
    ("GET", ALL, list_metadata),
    ("POST", ALL, add_metadata),
    ("GET", f"{ALL}/<name>", get_metadata),
    ("PUT", f"{ALL}/<name>", update_metadata),
    ("DELETE", f"{ALL}/<name>", delete_metadata),
]
