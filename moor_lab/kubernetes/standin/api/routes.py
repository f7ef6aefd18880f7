"""Routing of requests: verbs, rights, documents."""

from collections.abc import Callable
from functools import partial

from ..errors import forbidden, forbidden_path, no_such_path, not_allowed
from ..kinds import POD
from ..objects import Object, name_of, namespace_of
from . import deletion, discovery, rbac, table
from .cluster import Cluster
from .eviction import answer_eviction
from .listing import answer_list, answer_watch, wanted_by
from .options import WriteResult
from .requests import Request, Response, Target, body_of, delete_options_of, is_dry, options_of, target_of
from .scale import SCALED, answer_scale


def answer(cluster: Cluster, request: Request) -> Response:
    """Return the response to a request. Raises ApiError."""
    if request.method == "POST" and request.path in (rbac.ACCESS_REVIEWS, rbac.SELF_REVIEWS):
        return Response(rbac.reviewed(cluster.store, request.user, request.path, body_of(request)), 201)
    target = target_of(request.path)
    if target is None:
        return _document(request)
    verb = _verb(request, target)
    if not rbac.allows(cluster.store, request.user, verb, target):
        raise forbidden(request.user.name, verb, target.kind, target.name, target.namespace)
    known = (target.kind.status and "status", target.kind in SCALED and "scale", target.kind == POD and "eviction")
    if target.subresource and target.subresource not in known:
        raise no_such_path()
    if target.name and target.kind.namespaced and not target.namespace:
        raise no_such_path()
    if target.subresource == "eviction":
        return answer_eviction(cluster, request, target)
    if target.subresource == "scale":
        return answer_scale(cluster, request, target, verb)
    return _VERBS[verb](cluster, request, target)


def _verb(request: Request, target: Target) -> str:
    """Return the verb as access rules name it. Raises ApiError: 405."""
    if request.method == "GET":
        if target.name:
            return "get"
        return "watch" if request.query.get("watch") in ("1", "true") else "list"
    if (request.method, target.subresource) == ("POST", "eviction"):
        return "create"
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


def _written(request: Request, written: WriteResult) -> Response:
    shown = table.of([written.obj], written.obj["metadata"].get("resourceVersion", "")) if request.as_table else None
    return Response(shown or written.obj, 201 if written.created else 200, written.warnings)


def _get(cluster: Cluster, request: Request, target: Target) -> Response:
    obj = cluster.store.get(target.kind, target.namespace, target.name)
    return Response(table.of([obj], obj["metadata"]["resourceVersion"]) if request.as_table else obj)


def _create(cluster: Cluster, request: Request, target: Target) -> Response:
    body = body_of(request)
    return _written(request, cluster.create(target.kind, target.namespace, body, options_of(request, target)))


def _update(cluster: Cluster, request: Request, target: Target) -> Response:
    options = options_of(request, target)
    return _written(request, cluster.update(target.kind, target.namespace, target.name, body_of(request), options))


def _patch(cluster: Cluster, request: Request, target: Target) -> Response:
    media = request.headers.get("content-type", "").partition(";")[0].strip()
    body, options = body_of(request), options_of(request, target)
    return _written(request, cluster.patch(target.kind, target.namespace, target.name, media, body, options))


def _delete(cluster: Cluster, request: Request, target: Target) -> Response:
    options = delete_options_of(request)
    deleted = cluster.delete(target.kind, target.namespace, target.name, options, is_dry(request, options))
    return Response(deleted, warnings=deletion.warnings(target.kind, options))


def _delete_collection(cluster: Cluster, request: Request, target: Target) -> Response:
    options, wanted = delete_options_of(request), wanted_by(request, target.kind)
    for obj in cluster.store.select(target.kind, target.namespace)[0]:
        if wanted(obj):
            cluster.delete(target.kind, namespace_of(obj), name_of(obj), options, is_dry(request, options))
    return answer_list(cluster, request, target)


_VERBS: dict[str, Callable[[Cluster, Request, Target], Response]] = {
    "get": _get,
    "list": answer_list,
    "watch": answer_watch,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
    "deletecollection": _delete_collection,
}
