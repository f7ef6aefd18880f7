"""Requests and responses: what a path, a query and a body ask for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .. import kinds
from ..errors import bad_request
from ..kinds import Kind
from ..objects import Object
from .access import User
from .decode import json_body
from .options import Options


@dataclass(frozen=True)
class Request:
    """A request of a client."""

    method: str
    path: str
    query: dict[str, str]
    user: User
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def as_table(self) -> bool:
        """Return whether the client requests a Table, as kubectl get does."""
        return "as=Table" in self.headers.get("accept", "")


@dataclass(frozen=True)
class Response:
    """A response: a document, a text, or a stream of watch events."""

    body: Object | str = ""
    code: int = 200
    warnings: tuple[str, ...] = ()
    stream: Iterator[Object | None] | None = None
    content_type: str = "application/json"


@dataclass(frozen=True)
class Target:
    """The resource of a path; an empty name means the collection."""

    kind: Kind
    namespace: str
    name: str
    subresource: str


def target_of(path: str) -> Target | None:
    """Return the resource of ``/api/v1/...`` or ``/apis/GROUP/VERSION/...``; None for other paths."""
    parts = [part for part in path.split("/") if part]
    group, version, rest = ("", "v1", parts[2:]) if parts[:2] == ["api", "v1"] else ("", "", [])
    if parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    if not rest:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] != "status":
        namespace, rest = rest[1], rest[2:]
    kind = kinds.find(group, version, rest[0])
    if not kind or len(rest) > 3 or (namespace and not kind.namespaced):
        return None
    _, name, subresource = (*rest, "", "")[:3]
    return Target(kind, namespace, name, subresource)


def options_of(request: Request, target: Target) -> Options:
    """Return how to write, from the query. Raises ApiError: 400."""
    query = request.query
    if query.get("dryRun", "All") != "All":
        raise bad_request(f'Invalid value: "{query["dryRun"]}": unsupported dryRun value, only All is supported')
    applies = request.headers.get("content-type", "").startswith("application/apply-patch")
    agent = "" if applies else request.headers.get("user-agent", "unknown").partition("/")[0]
    return Options(
        manager=query.get("fieldManager") or agent,
        dry_run="dryRun" in query,
        force=query.get("force") in ("1", "true"),
        strictness=query.get("fieldValidation") or "Warn",
        subresource=target.subresource,
    )


def body_of(request: Request) -> Any:
    """Return the JSON value of the body. Raises ApiError: 400, 415."""
    media = request.headers.get("content-type", "")
    return json_body(request.body, "" if media.startswith("application/apply-patch") else media)


def delete_options_of(request: Request) -> Object:
    """Return how to delete, from the body and the query."""
    given = body_of(request) if request.body else {}
    grace = request.query.get("gracePeriodSeconds")
    options: Object = {"gracePeriodSeconds": int(grace)} if grace else {}
    if request.query.get("propagationPolicy"):
        options["propagationPolicy"] = request.query["propagationPolicy"]
    return options | (given if isinstance(given, dict) else {})


def is_dry(request: Request, options: Object) -> bool:
    """Return whether a deletion is only tried."""
    return "dryRun" in request.query or bool(options.get("dryRun"))
