"""What a request about a project may say, and what of it Harbor keeps."""

import re
from typing import Any

from moor_lab.harbor.core.errors import bad_request, check_type, forbidden, internal, unprocessable
from moor_lab.harbor.core.service import Call
from moor_lab.harbor.core.settings import setting
from moor_lab.harbor.core.store import Record

NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
SEVERITIES = {"none", "low", "medium", "high", "critical"}
METADATA = (  # what Harbor's API knows of; it drops any other key
    "auto_scan",
    "enable_content_trust",
    "enable_content_trust_cosign",
    "prevent_vul",
    "public",
    "retention_id",
    "reuse_sys_cve_allowlist",
    "severity",
)
RETENTION_OF_NEW = (
    "the retention_id in the request's payload when creating a project should be omitted,"
    " alternatively passing an empty string"
)
RETENTION_OF_OLD = (
    "the retention_id in the request's payload when updating a project should be omitted,"
    " alternatively passing the one that has already been associated to this project"
)


def known_metadata(body: dict[str, Any]) -> dict[str, str]:
    """Return the metadata of a request that Harbor knows of; all of it is text."""
    metadata = {name: value for name, value in (body.get("metadata") or {}).items() if name in METADATA}
    for name, value in metadata.items():
        check_type("project", f"ProjectMetadata.metadata.{name}", value, str)
    return metadata


def checked_upstream(call: Call, body: dict[str, Any]) -> int | None:
    """Return the registry that a proxy cache project is for, None for another project."""
    number = body.get("registry_id")
    if number is None:
        return None
    if not call.who.administrator:
        raise forbidden("Only system admin can create proxy cache project")
    if number <= 0:
        message = f"{number} is invalid value of registry_id, it should be geater than 0"  # spelt so by Harbor
        raise bad_request(f"bad request: {message}")
    if call.store.get("registry", number) is None:
        raise internal()  # Harbor's own slip
    return int(number)


def checked_name(body: dict[str, Any]) -> str:
    name = body.get("project_name", "")
    check_type("project", "ProjectReq.project_name", name, str)
    if len(name) > 255:
        raise unprocessable("project_name in body should be at most 255 chars long", depth=2)
    if not name:
        raise bad_request(f"Project name {name} is illegal in length. (greater than 255 or less than 1)")
    if not NAME.fullmatch(name):
        raise bad_request("project name is not in lower case or contains illegal characters")
    return str(name)


def checked_limit(call: Call, body: dict[str, Any]) -> int:
    """Return the storage limit: the requested one for an administrator, else the default."""
    default = int(setting(call.store, "storage_per_project"))
    limit = body.get("storage_limit")
    if limit is None or limit == 0 or not call.who.administrator:
        return default
    if limit < -1:
        raise bad_request("bad request: invalid value for resource storage")
    return int(limit)


def need_creation(call: Call) -> None:
    if call.who.robot and call.who.robot.body["level"] != "system":
        raise forbidden("Only system level robot can create project")
    restricted = setting(call.store, "project_creation_restriction") == "adminonly"
    if restricted and not call.who.administrator and not call.who.robot:
        raise forbidden("Only system admin can create project")


def checked_allowlist(project: Record, listed: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of the vulnerabilities that a project tolerates; the whole list is replaced."""
    if listed.get("project_id") not in (None, 0, project.id):
        wanted = listed["project_id"]
        raise bad_request(f"project_id in cve_allowlist must be {project.id} but it's {wanted}")
    items = [{"cve_id": one["cve_id"]} for one in listed.get("items") or []]
    return {"items": items} | ({"expires_at": listed["expires_at"]} if listed.get("expires_at") else {})
