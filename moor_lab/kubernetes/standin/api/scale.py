"""The scale subresource, by which ``kubectl scale`` and autoscalers set the number of replicas."""

from typing import Any

from .. import kinds
from ..errors import bad_request, conflict, not_allowed
from ..kinds import Kind
from ..objects import Object, clone, dig
from . import patch
from .cluster import Cluster
from .requests import Request, Response, Target, body_of, options_of

SCALED = (kinds.DEPLOYMENT, kinds.REPLICA_SET, kinds.STATEFUL_SET)


def answer_scale(cluster: Cluster, request: Request, target: Target, verb: str) -> Response:
    """Return the scale of an object after reading, replacing or patching it. Raises ApiError: 400, 404, 405, 409."""
    if verb not in ("get", "update", "patch"):
        raise not_allowed(request.method)
    with cluster.store.lock:
        obj = cluster.store.get(target.kind, target.namespace, target.name)
        scale = scale_of(obj)
        if verb == "get":
            return Response(scale)
        wanted = _wanted(scale, request, verb)
        version = dig(wanted, "metadata", "resourceVersion")
        if version and version != obj["metadata"]["resourceVersion"]:
            raise conflict(target.kind, target.name)
        out = clone(obj)
        out["spec"]["replicas"] = _replicas(target.kind, wanted)
        written = cluster.update(target.kind, target.namespace, target.name, out, options_of(request, target))
        return Response(scale_of(written.obj), warnings=written.warnings)


def _wanted(scale: Object, request: Request, verb: str) -> Any:
    body = body_of(request)
    media = request.headers.get("content-type", "").partition(";")[0].strip()
    return body if verb == "update" else patch.patched(media, {}, scale, body)


def _replicas(kind: Kind, wanted: Any) -> int:
    replicas = dig(wanted, "spec", "replicas") or 0
    if not isinstance(replicas, int):
        raise bad_request(f"Scale of a {kind.kind}: spec.replicas must be a number")
    return replicas


def scale_of(obj: Object) -> Object:
    """Return an object's scale, as autoscaling/v1 has it."""
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    labels = dig(obj, "spec", "selector", "matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: obj["metadata"][key] for key in kept},
        "spec": {"replicas": obj["spec"]["replicas"]},
        "status": {
            "replicas": dig(obj, "status", "replicas") or 0,
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }
