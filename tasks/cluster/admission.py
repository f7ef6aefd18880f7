"""What the cluster would refuse at an apply, asked beforehand by dry runs beside the object's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import code_of, untyped_class
from moor.errors import ApiRefusal, HostError
from moor.resources.base import Later
from moor.tasks.cluster.api import ask, lacks_right, put

ELSEWHERE = "default"  # a namespace that every cluster has
BESIDE = "-moor-dry-run"  # ends a name that nobody has
INVALID = (400, 422, 500)  # what the API says of an object's own fields, wherever it is
OF_THE_PLACE = re.compile(r"ValidatingAdmissionPolicy|admission webhook|forbidden:|webhook")
NO_ANSWER = re.compile(r"does not support dry run|error looking up service account")


def allowed_later(namespace: str) -> Later:
    """Return what only a namespace that exists can answer."""
    return Later(f"whether the policies and quotas of namespace {namespace} allow it; asked once it exists")


def pod_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the template of the pods that an object makes, however deep it stands; empty where it makes none."""
    if content["kind"] == "Pod":
        return content
    above = ("spec", "jobTemplate") if content["kind"] == "CronJob" else ()
    found: Any = content
    for key in (*above, "spec", "template"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def pod_spec_of(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an object says of the pods that it makes."""
    found = pod_of(content).get("spec")
    return found if isinstance(found, Mapping) else {}


def with_claims(content: Mapping[str, Any], spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the spec of an object's pod with the volumes that a StatefulSet adds by its claims."""
    claims = (content.get("spec") or {}).get("volumeClaimTemplates") or []
    names = [str(claim["metadata"]["name"]) for claim in claims]
    own = [{"name": name, "persistentVolumeClaim": {"claimName": f"{name}-dry-run"}} for name in names]
    return {**spec, "volumes": [*own, *(spec.get("volumes") or [])]} if own else spec


def ask_beside(task: Task, doing: str, content: Mapping[str, Any]) -> None:
    """Check an object's own fields with a dry run in another namespace, since its own does not exist yet.

    Objections of the other namespace's policies do not count.

    Raises:
        ApiRefusal: the API rejects the object's fields.
    """
    name = str(content["metadata"]["name"])
    beside = f"{name[:40]}{BESIDE}"
    moved = {**content, "metadata": {**content["metadata"], "namespace": ELSEWHERE, "name": beside}}
    try:
        put(task, doing, moved, dry_run=True)
    except HostError as error:
        if code_of(error) in INVALID and not OF_THE_PLACE.search(str(error)):
            raise ApiRefusal(str(error).replace(beside, name), error.kind) from error.__cause__


def ask_pods(task: Task, doing: str, applied: Mapping[str, Any], new: bool) -> None:
    """Check with a dry run that the pods an object creates would be admitted.

    The object itself is admitted either way: PodSecurity, quotas and most webhooks check pods only. The current pods of
    an existing object use up quota that its next pods will have.

    Raises:
        ApiRefusal: the API rejects such a pod.
    """
    template = pod_of(applied)
    if applied["kind"] == "Pod" or not template or (applied.get("spec") or {}).get("replicas") == 0:
        return
    metadata = {key: value for key, value in (template.get("metadata") or {}).items() if value}
    namespace = str(applied["metadata"]["namespace"])
    metadata |= {"generateName": f"{applied['metadata']['name']}-", "namespace": namespace}
    spec = with_claims(applied, template.get("spec") or {})
    pod = untyped_class("v1", "Pod")({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    try:
        ask(
            task,
            doing,
            lambda cluster: cluster.create(pod, namespace=namespace, dry_run=True),
        )
    except ApiRefusal as error:
        words = str(error)
        if lacks_right(error) or NO_ANSWER.search(words) or (not new and "exceeded quota" in words):
            return
        raise ApiRefusal(
            f"{doing}: its pods would not be admitted: {words.removeprefix(f'{doing}: ')}", error.kind
        ) from None
