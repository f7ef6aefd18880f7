"""Dry runs that find out before an apply what the cluster would refuse."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import code_of, untyped_class
from moor.errors import ApiRefusal, HostError
from moor.resources.base import Later
from moor.tasks.cluster.api import apply_server_side, ask, lacks_right

DRY_RUN_NAMESPACE = "default"  # a namespace that every cluster has
DRY_RUN_SUFFIX = "-moor-dry-run"  # the end of a name that no object has
INVALID = (400, 422, 500)  # the API's answers to wrong fields of an object, whatever its namespace
NAMESPACE_POLICY = re.compile(r"ValidatingAdmissionPolicy|admission webhook|forbidden:|webhook")
UNDECIDED = re.compile(r"does not support dry run|error looking up service account")


def admission_later(namespace: str) -> Later:
    """Return the placeholder for the answer of a namespace's policies, which is unknown until the namespace exists."""
    return Later(f"whether the policies and quotas of namespace {namespace} allow it; asked once it exists")


def kind_later(definition: str) -> Later:
    """Return the placeholder for the answer of the API about a kind that it does not have yet."""
    return Later(f"whether the cluster takes it; asked once {definition} is there")


def pod_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the pod template of an object, at whatever depth; empty if it makes no pods."""
    if content["kind"] == "Pod":
        return content
    above = ("spec", "jobTemplate") if content["kind"] == "CronJob" else ()
    found: Any = content
    for key in (*above, "spec", "template"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def pod_spec_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the spec of the pods that an object makes; empty if it makes none."""
    found = pod_of(content).get("spec")
    return found if isinstance(found, Mapping) else {}


def add_claimed_volumes(content: Mapping[str, Any], spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the spec of an object's pods with the volumes that a StatefulSet adds for its claims."""
    claims = (content.get("spec") or {}).get("volumeClaimTemplates") or []
    names = [str(claim["metadata"]["name"]) for claim in claims]
    own = [{"name": name, "persistentVolumeClaim": {"claimName": f"{name}-dry-run"}} for name in names]
    return {**spec, "volumes": [*own, *(spec.get("volumes") or [])]} if own else spec


def dry_run_elsewhere(task: Task, doing: str, content: Mapping[str, Any]) -> None:
    """Check the fields of an object whose namespace does not exist yet, by a dry run in another namespace.

    A refusal by that other namespace's policies does not count.

    Raises:
        ApiRefusal: fields of the object are wrong
    """
    name = str(content["metadata"]["name"])
    beside = f"{name[:40]}{DRY_RUN_SUFFIX}"
    moved = {**content, "metadata": {**content["metadata"], "namespace": DRY_RUN_NAMESPACE, "name": beside}}
    try:
        apply_server_side(task, doing, moved, dry_run=True)
    except HostError as error:
        if code_of(error) in INVALID and not NAMESPACE_POLICY.search(str(error)):
            raise ApiRefusal(str(error).replace(beside, name), error.kind) from error.__cause__


def dry_run_pod(task: Task, doing: str, applied: Mapping[str, Any], new: bool) -> None:
    """Check by a dry run that the pods of an object would be admitted.

    The API admits the object anyway, since PodSecurity, quotas and most webhooks check pods only.

    Args:
        new: the object does not exist yet; if it does, its present pods use the quota that the next ones will have, so
            that an exceeded quota does not count

    Raises:
        ApiRefusal: the pods would not be admitted
    """
    template = pod_of(applied)
    if applied["kind"] == "Pod" or not template or (applied.get("spec") or {}).get("replicas") == 0:
        return
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if value}
    namespace = str(applied["metadata"]["namespace"])
    metadata |= {"generateName": f"{applied['metadata']['name']}-", "namespace": namespace}
    spec = add_claimed_volumes(applied, template.get("spec") or {})
    pod = untyped_class("v1", "Pod")({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    try:
        ask(
            task,
            doing,
            lambda cluster: cluster.create(pod, namespace=namespace, dry_run=True),
        )
    except ApiRefusal as error:
        words = str(error)
        if lacks_right(error) or UNDECIDED.search(words) or (not new and "exceeded quota" in words):
            return
        raise ApiRefusal(
            f"{doing}: its pods would not be admitted: {words.removeprefix(f'{doing}: ')}", error.kind
        ) from None
