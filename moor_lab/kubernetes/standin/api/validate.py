"""Validation of objects, with the messages of a real API server; pure."""

import base64
import re
from collections.abc import Callable

from .. import kinds
from ..errors import Cause
from ..kinds import Kind
from ..objects import Object, dig, name_of
from . import workload_validation as workloads
from .causes import (
    LABEL,
    LABEL_RULE,
    REDACTED,
    SUBDOMAIN,
    SUBDOMAIN_RULE,
    Causes,
    forbidden,
    invalid,
    required,
    unchanged,
)
from .decode import go_json_error
from .pod_validation import pod_causes, pod_changes

SECRET_KEYS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
CLAIM_RULE = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def causes(kind: Kind, obj: Object, old: Object | None) -> list[Cause]:
    """Return all errors of an object, or of this change of ``old``."""
    found = [*_name(kind, obj)]
    if kind in _RULES:
        found += _RULES[kind](obj)
    if old is not None and kind in _CHANGES:
        found += _CHANGES[kind](obj, old)
    return found


def _name(kind: Kind, obj: Object) -> Causes:
    name = name_of(obj)
    if kind.group == kinds.RBAC:  # names of rights may have colons and capitals
        rule, words = ("[^/%]+", "may not contain '/' or '%'")
    else:
        rule, words = (LABEL, LABEL_RULE) if kind == kinds.NAMESPACE else (SUBDOMAIN, SUBDOMAIN_RULE)
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif not re.fullmatch(rule, name) or len(name) > 253:
        yield invalid("metadata.name", name, words)


def _secret(obj: Object) -> Causes:
    data = obj.get("data", {})
    keys = SECRET_KEYS.get(obj["type"], ())
    for key in keys:
        if key not in data:
            yield required(f"data[{key}]")
        elif key.startswith(".docker"):
            error = go_json_error(base64.b64decode(data[key]).decode(errors="replace"))
            if error:
                yield invalid(f"data[{key}]", REDACTED, error)


def _secret_change(obj: Object, old: Object) -> Causes:
    yield from unchanged("type", obj["type"], old["type"])
    yield from _immutable_data(obj, old)


def _immutable_data(obj: Object, old: Object) -> Causes:
    if old.get("immutable") and obj.get("data") != old.get("data"):
        yield forbidden("data", "field is immutable when `immutable` is set")


def _service(obj: Object) -> Causes:
    spec = obj["spec"]
    if not spec.get("ports") and spec["type"] != "ExternalName" and spec.get("clusterIP") != "None":
        yield required("spec.ports")


def _service_change(obj: Object, old: Object) -> Causes:
    new, before = dig(obj, "spec", "clusterIP"), dig(old, "spec", "clusterIP")
    if before and new != before and obj["spec"]["type"] != "ExternalName":
        yield invalid("spec.clusterIPs[0]", [new], "may not change once set")


def _claim(obj: Object) -> Causes:
    if not obj["spec"].get("accessModes"):
        yield required("spec.accessModes", "at least 1 access mode is required")
    if not dig(obj, "spec", "resources", "requests", "storage"):
        yield required("spec.resources[storage]")


def _claim_change(obj: Object, old: Object) -> Causes:
    def fixed(spec: Object) -> Object:
        return {key: value for key, value in spec.items() if key not in ("resources", "volumeName")}

    if fixed(obj["spec"]) != fixed(old["spec"]):
        yield forbidden("spec", CLAIM_RULE)


def _ingress(obj: Object) -> Causes:
    for number, rule in enumerate(dig(obj, "spec", "rules") or []):
        for index, path in enumerate(dig(rule, "http", "paths") or []):
            if not path.get("pathType"):
                yield required(f"spec.rules[{number}].http.paths[{index}].pathType", "pathType must be specified")
    if not (dig(obj, "spec", "rules") or dig(obj, "spec", "defaultBackend")):
        yield invalid("spec", obj.get("spec"), "either `defaultBackend` or `rules` must be specified")


def _role_change(obj: Object, old: Object) -> Causes:
    if obj.get("roleRef") != old.get("roleRef"):
        yield invalid("roleRef", obj.get("roleRef"), "cannot change roleRef")


_RULES: dict[Kind, Callable[[Object], Causes]] = {
    kinds.CLAIM: _claim,
    kinds.CRON_JOB: workloads.cron_job_causes,
    kinds.DAEMON_SET: workloads.daemon_set_causes,
    kinds.DEPLOYMENT: workloads.deployment_causes,
    kinds.INGRESS: _ingress,
    kinds.JOB: workloads.job_causes,
    kinds.POD: pod_causes,
    kinds.SECRET: _secret,
    kinds.SERVICE: _service,
    kinds.STATEFUL_SET: workloads.stateful_set_causes,
}
_CHANGES: dict[Kind, Callable[[Object, Object], Causes]] = {
    kinds.CLAIM: _claim_change,
    kinds.CLUSTER_ROLE_BINDING: _role_change,
    kinds.CONFIG_MAP: _immutable_data,
    kinds.DAEMON_SET: workloads.selector_changes,
    kinds.DEPLOYMENT: workloads.selector_changes,
    kinds.JOB: workloads.job_changes,
    kinds.POD: pod_changes,
    kinds.REPLICA_SET: workloads.selector_changes,
    kinds.ROLE_BINDING: _role_change,
    kinds.SECRET: _secret_change,
    kinds.SERVICE: _service_change,
    kinds.STATEFUL_SET: workloads.stateful_set_changes,
}
