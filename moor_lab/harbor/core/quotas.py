"""The API for storage quotas, one per project."""

from typing import Any

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.errors import Refusal, bad_request, not_found
from moor_lab.harbor.core.projects import used_storage
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.store import Record, Store

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def list_quotas(call: Call) -> Response:
    call.need_system("quota", "list")
    wanted = call.request.args.get("reference_id")
    quotas = [one for one in call.store.all("quota") if wanted in (None, one.name)]
    return call.listing([show(call, one, one.body["update_time"]) for one in reversed(quotas)])


def show(call: Call, quota: Record, updated: str) -> dict[str, Any]:
    project = call.store.get("project", int(quota.name))
    if project is None:
        raise not_found(f"project {quota.name}")
    owner = project.body["owner_name"]
    return {
        "creation_time": quota.body["creation_time"],
        "hard": {"storage": quota.body["hard"]},
        "id": quota.id,
        # Harbor omits the first administrator's name here
        "ref": {"id": project.id, "name": project.name, "owner_name": "" if owner == "admin" else owner},
        "update_time": updated,
        "used": {"storage": used_storage(call.store, project)},
    }


def _quota(call: Call, number: int, action: str) -> Record:
    call.need_system("quota", action)
    quota = call.store.get("quota", number)
    if quota is None:
        raise not_found(f"quota {number}")
    return quota


def get_quota(call: Call, number: int) -> Response:
    return reply(show(call, _quota(call, number, "read"), NEVER))


def update_quota(call: Call, number: int) -> Response:
    quota = _quota(call, number, "update")
    hard = call.body("hard").get("hard")
    if not hard:
        raise bad_request("hard required in body")
    for resource, value in hard.items():
        if resource != "storage":
            raise bad_request(f"resource {resource} not support")
        if value == 0 or value < -1:
            raise bad_request("invalid value for resource storage")
    quota.body |= {"hard": hard["storage"], "update_time": now()}
    call.store.put(quota)
    return done()


def need_room(store: Store, project: Record, size: int) -> None:
    """Raise Refusal if ``size`` more bytes would exceed the project's quota."""
    quota = store.find("quota", str(project.id))
    limit = quota.body["hard"] if quota else -1
    used = used_storage(store, project)
    if limit != -1 and used + size > limit:
        message = (
            f"adding {human(size)} of storage resource, which when updated to current usage of {human(used)}"
            f" will exceed the configured upper limit of {human(limit)}."
        )
        raise Refusal(403, "DENIED", message)


def human(size: float) -> str:
    """Return bytes in the largest unit with a value of at least one, such as 1.5 KiB."""
    for unit in UNITS[:-1]:
        if size < 1024:
            return f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} {UNITS[-1]}"


ROUTES: list[Route] = [
    ("GET", f"{API}/quotas", list_quotas),
    ("GET", f"{API}/quotas/<int:number>", get_quota),
    ("PUT", f"{API}/quotas/<int:number>", update_quota),
]
