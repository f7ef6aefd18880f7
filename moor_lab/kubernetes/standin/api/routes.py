"""Routing of requests: paths, verbs, rights, selectors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .. import kinds, selectors
from ..errors import ApiError, bad_request, forbidden, forbidden_path, no_such_path, not_allowed
from ..kinds import Kind
from ..objects import Object, name_of, namespace_of
from . import discovery, rbac, table
from .access import User
from .cluster import Cluster
from .decode import json_body
from .options import Options, WriteResult
from .watching import watch

FOREVER = 3600.0
"""Duration of a watch in seconds if the client gives none."""


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


def answer(cluster: Cluster, request: Request) -> Response:
    """Return the response to a request. Raises ApiError."""
    if request.method == "POST" and request.path in (rbac.ACCESS_REVIEWS, rbac.SELF_REVIEWS):
        return Response(rbac.reviewed(cluster.store, request.user, request.path, _body(request)), 201)
    target = target_of(request.path)
    if target is None:
        return _document(request)
    verb = _verb(request, target)
    if not rbac.allows(cluster.store, request.user, verb, target.kind, target.namespace, target.name):
        raise forbidden(request.user.name, verb, target.kind, target.name, target.namespace)
    if target.subresource and not (target.subresource == "status" and target.kind.status):
        raise no_such_path()
    if target.name and target.kind.namespaced and not target.namespace:
        raise no_such_path()
    return _VERBS[verb](cluster, request, target)


def _verb(request: Request, target: Target) -> str:
    """Return the verb as access rules name it. Raises ApiError: 405."""
    if request.method == "GET":
        if target.name:
            return "get"
        return "watch" if request.query.get("watch") in ("1", "true") else "list"
    named = {"PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    collection = {"POST": "create", "DELETE": "deletecollection"}
    try:
        return (named if target.name else collection)[request.method]
    except KeyError:
        raise not_allowed(request.method) from None


def _document(request: Request) -> Response:
    """Return the response for a path that is not a resource. Raises ApiError: 403, 404."""
    path = request.path.rstrip("/") or "/"
    if not request.user.may_read(path):
        raise forbidden_path(request.user.name, request.method.lower(), path)
    if path in ("/healthz", "/livez", "/readyz"):
        return Response(discovery.ready("verbose" in request.query), content_type="text/plain; charset=utf-8")
    if path == "/openapi/v2":  # an empty document makes kubectl leave validation to the server
        return Response("", content_type=discovery.EMPTY_PROTOBUF)
    documents: dict[str, Callable[[], Object]] = {
        "/version": discovery.version,
        "/api": discovery.core_versions,
        "/apis": discovery.groups,
        "/api/v1": lambda: discovery.resources(""),
    }
    for name in discovery.NAMED_GROUPS:
        documents[f"/apis/{name}"] = partial(discovery.group_document, name)
        documents[f"/apis/{discovery.group_version(name)}"] = partial(discovery.resources, name)
    if path not in documents:
        raise no_such_path()
    return Response(documents[path]())


def _options(request: Request, target: Target) -> Options:
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


def _body(request: Request) -> Any:
    media = request.headers.get("content-type", "")
    return json_body(request.body, "" if media.startswith("application/apply-patch") else media)


def _written(request: Request, written: WriteResult) -> Response:
    shown = table.of([written.obj], written.obj["metadata"].get("resourceVersion", "")) if request.as_table else None
    return Response(shown or written.obj, 201 if written.created else 200, written.warnings)


def _get(cluster: Cluster, request: Request, target: Target) -> Response:
    obj = cluster.store.get(target.kind, target.namespace, target.name)
    return Response(table.of([obj], obj["metadata"]["resourceVersion"]) if request.as_table else obj)


def _wanted(request: Request) -> selectors.Predicate:
    by_label = selectors.labels(request.query.get("labelSelector", ""))
    by_field = selectors.fields(request.query.get("fieldSelector", ""))
    return lambda obj: by_label(obj) and by_field(obj)


def _list(cluster: Cluster, request: Request, target: Target) -> Response:
    objects, version = cluster.store.select(target.kind, target.namespace)
    found = list(filter(_wanted(request), objects))
    if request.as_table:
        return Response(table.of(found, str(version)))
    items = [{key: value for key, value in obj.items() if key not in ("apiVersion", "kind")} for obj in found]
    listed = {"kind": f"{target.kind.kind}List", "apiVersion": target.kind.api_version}
    return Response(listed | {"metadata": {"resourceVersion": str(version)}, "items": items})


def _watch(cluster: Cluster, request: Request, target: Target) -> Response:
    wanted, seconds = _wanted(request), float(request.query.get("timeoutSeconds") or FOREVER)
    asked = request.query.get("resourceVersion", "")
    if not asked.isdigit() and asked:
        raise bad_request(f'Invalid value: "{asked}": resourceVersion must be a number')
    with cluster.store.lock:
        objects, version = cluster.store.select(target.kind, target.namespace)
        if asked not in ("", "0"):
            objects, version = [], int(asked)
            cluster.store.check(version)
    first = [{"type": "ADDED", "object": obj} for obj in objects if wanted(obj)]
    return Response(stream=_events(cluster, request, target, first, version, wanted, seconds))


def _events(
    cluster: Cluster,
    request: Request,
    target: Target,
    first: list[Object],
    version: int,
    wanted: selectors.Predicate,
    seconds: float,
) -> Iterator[Object | None]:
    def shaped(event: Object | None) -> Object | None:
        if event and request.as_table:
            obj = event["object"]
            return event | {"object": table.of([obj], obj["metadata"]["resourceVersion"])}
        return event

    yield from map(shaped, first)
    try:
        yield from map(shaped, watch(cluster.store, target.kind, target.namespace, version, wanted, seconds))
    except ApiError as error:
        yield {"type": "ERROR", "object": error.status}


def _create(cluster: Cluster, request: Request, target: Target) -> Response:
    body = _body(request)
    return _written(request, cluster.create(target.kind, target.namespace, body, _options(request, target)))


def _update(cluster: Cluster, request: Request, target: Target) -> Response:
    options = _options(request, target)
    return _written(request, cluster.update(target.kind, target.namespace, target.name, _body(request), options))


def _patch(cluster: Cluster, request: Request, target: Target) -> Response:
    media = request.headers.get("content-type", "").partition(";")[0].strip()
    body, options = _body(request), _options(request, target)
    return _written(request, cluster.patch(target.kind, target.namespace, target.name, media, body, options))


def _delete_options(request: Request) -> Object:
    given = _body(request) if request.body else {}
    grace = request.query.get("gracePeriodSeconds")
    options: Object = {"gracePeriodSeconds": int(grace)} if grace else {}
    if request.query.get("propagationPolicy"):
        options["propagationPolicy"] = request.query["propagationPolicy"]
    return options | (given if isinstance(given, dict) else {})


def _is_dry(request: Request, options: Object) -> bool:
    return "dryRun" in request.query or bool(options.get("dryRun"))


def _delete(cluster: Cluster, request: Request, target: Target) -> Response:
    options = _delete_options(request)
    dry = _is_dry(request, options)
    return Response(cluster.delete(target.kind, target.namespace, target.name, options, dry))


def _delete_collection(cluster: Cluster, request: Request, target: Target) -> Response:
    options, wanted = _delete_options(request), _wanted(request)
    for obj in cluster.store.select(target.kind, target.namespace)[0]:
        if wanted(obj):
            cluster.delete(target.kind, namespace_of(obj), name_of(obj), options, _is_dry(request, options))
    return _list(cluster, request, target)


_VERBS: dict[str, Callable[[Cluster, Request, Target], Response]] = {
    "get": _get,
    "list": _list,
    "watch": _watch,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
    "deletecollection": _delete_collection,
}
