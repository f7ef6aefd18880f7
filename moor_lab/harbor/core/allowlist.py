"""The API for the CVE allow list of the system."""

from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import NEVER, now
from moor_lab.harbor.core.errors import internal
from moor_lab.harbor.core.service import API, Call, Route, done, reply

NAME = "system"


def get_allowlist(call: Call) -> Response:
    call.need_login()
    record = call.store.find("system_allowlist", NAME)
    if record is None:
        return reply({"creation_time": NEVER, "items": [], "update_time": NEVER})
    return reply({"id": record.id, "project_id": 0, **record.body})


def put_allowlist(call: Call) -> Response:
    """Replace the list; like Harbor, answer 500 to a CVE that stands twice in it."""
    call.need_system("configuration", "update")
    sent = call.body("allowlist")
    items = [{"cve_id": one.get("cve_id", "")} for one in sent.get("items") or []]
    if len({one["cve_id"] for one in items}) < len(items):
        raise internal()
    body = {"items": items, "creation_time": now(), "update_time": now()}
    body |= {"expires_at": sent["expires_at"]} if sent.get("expires_at") is not None else {}
    if record := call.store.find("system_allowlist", NAME):
        record.body = body | {"creation_time": record.body["creation_time"]}
        call.store.put(record)
    else:
        call.store.add("system_allowlist", NAME, body)
    return done()


ROUTES: list[Route] = [
    ("GET", f"{API}/system/CVEAllowlist", get_allowlist),
    ("PUT", f"{API}/system/CVEAllowlist", put_allowlist),
]
