"""Admission policies: PodSecurity, quotas of pods and objects, and one webhook; pure.

Source  Kubernetes' pod-security-admission (policy/check_*.go, admission/admission.go) and resourcequota admission, in
their words; of PodSecurity's checks those that a pod of one container usually fails.
"""

import json
from collections.abc import Callable, Iterator

from .. import kinds
from ..errors import ApiError, refused
from ..kinds import Kind
from ..objects import Object, containers, dig, name_of

LABEL = "pod-security.kubernetes.io/"
DENIES = "moor.test/webhook-denies"
"""The annotation of a namespace with the refusal of its webhook for every pod."""


def check(kind: Kind, obj: Object, namespace: Object, present: list[Object], quotas: list[Object]) -> None:
    """Check a new object against the policies of its namespace; raise ApiError 403 if one refuses it.

    Args:
        present: the objects of this kind that are there already
    """
    if kind == kinds.POD:
        _check_security(obj, namespace)
        _check_webhook(namespace)
    for quota in quotas:
        _check_quota(kind, obj, len(present), quota)


def warnings(kind: Kind, obj: Object, namespace: Object) -> list[str]:
    """Return the warnings of the namespace's warn level for a pod, or for the pods that an object makes."""
    level = dig(namespace, "metadata", "labels", f"{LABEL}warn")
    spec = pod_spec(kind, obj)
    if level not in ("baseline", "restricted") or spec is None:
        return []
    found = list(violations(spec, level))
    return [f'would violate PodSecurity "{level}:latest": {", ".join(found)}'] if found else []


def pod_spec(kind: Kind, obj: Object) -> Object | None:
    """Return the spec of a pod, or of the pods that an object makes; None for other kinds."""
    if kind == kinds.POD:
        return dict(obj["spec"])
    path = ("spec", "jobTemplate") if kind == kinds.CRON_JOB else ()
    makes_pods = kind == kinds.CRON_JOB or kind in kinds.WITH_TEMPLATE
    return (dig(obj, *path, "spec", "template", "spec") or {}) if makes_pods else None


def _check_security(pod: Object, namespace: Object) -> None:
    level = dig(namespace, "metadata", "labels", f"{LABEL}enforce")
    found = list(violations(pod["spec"], level)) if level in ("baseline", "restricted") else []
    if found:
        raise refused(kinds.POD, name_of(pod), f'violates PodSecurity "{level}:latest": {", ".join(found)}')


def _check_webhook(namespace: Object) -> None:
    words = dig(namespace, "metadata", "annotations", DENIES)
    if words:
        raise ApiError(403, "Forbidden", f'admission webhook "pods.moor.test" denied the request: {words}')


def _check_quota(kind: Kind, obj: Object, used: int, quota: Object) -> None:
    for name in ("pods", "count/pods") if kind == kinds.POD else (kind.plural, f"count/{kind.resource}"):
        limit = dig(quota, "spec", "hard", name)
        if limit is not None and used + 1 > int(limit):
            words = f"requested: {name}=1, used: {name}={used}, limited: {name}={limit}"
            raise refused(kind, name_of(obj), f"exceeded quota: {name_of(quota)}, {words}")


def violations(spec: Object, level: str) -> Iterator[str]:
    """Yield what the level forbids in a pod's spec, in the words of the real checks."""
    found = list(containers(spec))
    ports = [
        f'container "{one["name"]}" uses hostPort {port["hostPort"]}'
        for one in found
        for port in one.get("ports", [])
        if port.get("hostPort")
    ]
    if ports:
        yield f"hostPort ({', '.join(ports)})"
    privileged = _named(found, lambda context: bool(context.get("privileged")))
    if privileged:
        yield f"privileged ({privileged} must not set securityContext.privileged=true)"
    if level == "restricted":
        yield from _restricted(spec, found)


def _restricted(spec: Object, found: list[Object]) -> Iterator[str]:
    pod = spec.get("securityContext") or {}
    escalating = _named(found, lambda context: context.get("allowPrivilegeEscalation") is not False)
    if escalating:
        words = "must set securityContext.allowPrivilegeEscalation=false"
        yield f"allowPrivilegeEscalation != false ({escalating} {words})"
    capable = _named(found, lambda context: "ALL" not in (dig(context, "capabilities", "drop") or []))
    if capable:
        yield f'unrestricted capabilities ({capable} must set securityContext.capabilities.drop=["ALL"])'
    rooted = _named(found, lambda context: context.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True)
    if rooted:
        yield f"runAsNonRoot != true (pod or {rooted} must set securityContext.runAsNonRoot=true)"
    confined = ("RuntimeDefault", "Localhost")
    profile = dig(pod, "seccompProfile", "type")
    loose = _named(found, lambda context: (dig(context, "seccompProfile", "type") or profile) not in confined)
    if loose:
        words = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        yield f"seccompProfile (pod or {loose} {words})"


def _named(found: list[Object], fails: Callable[[Object], bool]) -> str:
    """Return the containers whose security context fails, formatted for a message; empty if none does."""
    names = [json.dumps(one["name"]) for one in found if fails(one.get("securityContext") or {})]
    return f"container{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else ""
