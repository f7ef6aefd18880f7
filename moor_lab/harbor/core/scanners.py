"""The API for scanners. A new one must answer as an adapter does; the stand-in has none scan anything."""

import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx
from werkzeug.wrappers import Response

from moor_lab.harbor.core.clock import now
from moor_lab.harbor.core.errors import bad_request, conflict, internal, not_found, precondition
from moor_lab.harbor.core.inner import inner_client
from moor_lab.harbor.core.service import API, Call, Route, done, reply
from moor_lab.harbor.core.settings import minor_release
from moor_lab.harbor.core.store import Conflict, Record, Store

AUTHS = ("", "Basic", "Bearer", "X-ScannerAdapter-API-Key")
RESERVED = ("Trivy",)
TEXTS = ("name", "description", "url", "auth", "access_credential")
FLAGS = ("disabled", "skip_certVerify", "use_internal_addr")


def need_default_scanner(store: Store) -> None:
    """Raise Refusal if there is no scanner that scans."""
    if not any(scanner.body["is_default"] for scanner in store.all("scanner")):
        raise precondition("no scanner is configured, it's not possible to scan")


def show(call: Call, scanner: Record) -> dict[str, Any]:
    """Return a scanner in Harbor's format."""
    hidden = set() if minor_release(call.core.version) < (2, 16) else {"access_credential"}
    hidden |= {"access_credential"} if not scanner.body["access_credential"] else set()
    return {name: value for name, value in scanner.body.items() if name not in hidden}


def list_scanners(call: Call) -> Response:
    call.need_system("scanner", "list")
    return call.listing([show(call, scanner) for scanner in call.store.all("scanner")])


def create_scanner(call: Call) -> Response:
    call.need_system("scanner", "create")
    body = _checked(call.body("registration"))
    if body["name"] in RESERVED:
        raise bad_request(f'name "{body["name"]}" is reserved, please try a different name')
    if not answers_as_adapter(body["url"]):
        raise internal()  # like Harbor, do not report the cause
    times = {"create_time": now(), "update_time": now(), "uuid": str(uuid.uuid4())}
    try:
        first = not call.store.all("scanner")
        scanner = call.store.add("scanner", body["name"], body | times | {"is_default": first})
    except Conflict:
        raise conflict(f"scanner {body['name']} already exists") from None
    return done(201, f"{API}/scanners/{scanner.body['uuid']}")


def _checked(sent: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a scanner that may be written; raise Refusal for what Harbor does not take."""
    body = {name: sent.get(name, "") for name in TEXTS} | {name: bool(sent.get(name)) for name in FLAGS}
    if not body["name"]:
        raise bad_request("missing registration name")
    if urlsplit(body["url"]).scheme not in ("http", "https"):
        raise bad_request(f"scanner registration validate: invalid URL: {body['url']}")
    if body["auth"] not in AUTHS:
        raise bad_request(f"auth type {body['auth']} is not supported")
    if body["auth"] and not body["access_credential"]:
        raise bad_request(f"access_credential is required for auth type {body['auth']}")
    return body | {"url": body["url"].rstrip("/")}


def answers_as_adapter(url: str) -> bool:
    """Return whether a scanner's adapter describes itself at the URL."""
    try:
        described = inner_client(timeout_s=5).get(f"{url.rstrip('/')}/api/v1/metadata").raise_for_status().json()
        return bool(described["scanner"]["name"])
    except (httpx.HTTPError, ValueError, LookupError, TypeError):
        return False


def _scanner(call: Call, identifier: str, action: str) -> Record:
    call.need_system("scanner", action)
    for scanner in call.store.all("scanner"):
        if scanner.body["uuid"] == identifier:
            return scanner
    raise not_found(f"scanner {identifier}")


def get_scanner(call: Call, identifier: str) -> Response:
    return reply(show(call, _scanner(call, identifier, "read")))


def update_scanner(call: Call, identifier: str) -> Response:
    """Replace a scanner's fields; those that are not sent are emptied."""
    scanner = _scanner(call, identifier, "update")
    body = _checked(call.body("registration"))
    if scanner.body["is_default"] and body["disabled"]:
        raise internal()
    scanner.body |= body | {"update_time": now()}
    scanner.name = body["name"]
    call.store.put(scanner)
    return done()


def set_default(call: Call, identifier: str) -> Response:
    scanner = _scanner(call, identifier, "update")
    if not call.body("payload").get("is_default"):
        return done()
    if scanner.body["disabled"]:
        raise not_found(f"registration {identifier}")
    for one in call.store.all("scanner"):
        one.body["is_default"] = one.id == scanner.id
        call.store.put(one)
    return done()


def delete_scanner(call: Call, identifier: str) -> Response:
    scanner = _scanner(call, identifier, "delete")
    call.store.remove(scanner)
    return reply(show(call, scanner))


ONE = f"{API}/scanners/<identifier>"
ROUTES: list[Route] = [
    ("GET", f"{API}/scanners", list_scanners),
    ("POST", f"{API}/scanners", create_scanner),
    ("GET", ONE, get_scanner),
    ("PUT", ONE, update_scanner),
    ("PATCH", ONE, set_default),
    ("DELETE", ONE, delete_scanner),
]
