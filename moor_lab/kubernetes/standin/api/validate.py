"""Validation of objects, with the messages of a real API server; pure."""

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

from .. import kinds, selectors
from ..errors import Cause
from ..kinds import Kind
from ..objects import Object, canonical, dig, name_of
from .decode import go_json_error

REDACTED = '"<secret contents redacted>"'
LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    f"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL}')"
)
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN}')"
)
SECRET_KEYS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
POD_RULE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)

Causes = Iterator[Cause]


def required(field: str, why: str = "") -> Cause:
    """Return the cause for a missing field."""
    return Cause(field, f"Required value{': ' if why else ''}{why}", "FieldValueRequired")


def invalid(field: str, value: Any, why: str) -> Cause:
    """Return the cause for a field with an invalid value."""
    shown = value if isinstance(value, str) and value == REDACTED else canonical(value)
    return Cause(field, f"Invalid value: {shown}: {why}")


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
    if obj["type"] != old["type"]:
        yield invalid("type", obj["type"], "field is immutable")
    if old.get("immutable") and obj.get("data") != old.get("data"):
        yield Cause("data", "Forbidden: field is immutable when `immutable` is set", "FieldValueForbidden")


def _deployment(obj: Object) -> Causes:
    spec = obj["spec"]
    if spec["replicas"] < 0:
        yield invalid("spec.replicas", spec["replicas"], "must be greater than or equal to 0")
    selector, labels = spec.get("selector"), dig(spec, "template", "metadata", "labels") or {}
    if not selector:
        yield required("spec.selector")
        selector = {}
    if not (selector.get("matchLabels") or selector.get("matchExpressions")):
        yield invalid("spec.selector", selector, "empty selector is invalid for deployment")
    elif not selectors.matches(selector, labels):
        yield invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    yield from _pod_spec(spec["template"]["spec"], "spec.template.spec")
    if spec["template"]["spec"]["restartPolicy"] != "Always":
        policy = canonical(spec["template"]["spec"]["restartPolicy"])
        words = f'Unsupported value: {policy}: supported values: "Always"'
        yield Cause("spec.template.spec.restartPolicy", words, "FieldValueNotSupported")
    rolling = dig(spec, "strategy", "rollingUpdate") or {}
    if rolling and all(str(rolling.get(key, "")).rstrip("%") == "0" for key in ("maxSurge", "maxUnavailable")):
        yield invalid(
            "spec.strategy.rollingUpdate.maxUnavailable", rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0"
        )


def _selector_change(obj: Object, old: Object) -> Causes:
    if obj["spec"].get("selector") != old["spec"].get("selector"):
        yield invalid("spec.selector", obj["spec"].get("selector"), "field is immutable")


def _pod(obj: Object) -> Causes:
    yield from _pod_spec(obj["spec"], "spec")


def _pod_spec(spec: Object, path: str) -> Causes:
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    seen: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field, [])):
            yield from _container(container, f"{path}.{field}[{index}]", seen)


def _container(container: Object, path: str, seen: set[str]) -> Causes:
    name = container.get("name", "")
    if not name:
        yield required(f"{path}.name")
    elif not re.fullmatch(LABEL, name):
        yield invalid(f"{path}.name", name, LABEL_RULE)
    elif name in seen:
        yield Cause(f"{path}.name", f'Duplicate value: "{name}"', "FieldValueDuplicate")
    seen.add(name)
    if not container.get("image"):
        yield required(f"{path}.image")
    elif container["image"] != container["image"].strip():
        yield invalid(f"{path}.image", container["image"], "must not have leading or trailing whitespace")
    for index, port in enumerate(container.get("ports", [])):
        number = port.get("containerPort", 0)
        if not 0 < number < 65536:
            yield invalid(f"{path}.ports[{index}].containerPort", number, "must be between 1 and 65535, inclusive")


def _pod_change(obj: Object, old: Object) -> Causes:
    if _fixed(obj["spec"]) != _fixed(old["spec"]):
        yield Cause("spec", f"Forbidden: {POD_RULE}", "FieldValueForbidden")


def _fixed(spec: Object) -> Object:
    """Return a pod's spec without its mutable fields."""
    out = {key: value for key, value in spec.items() if key not in ("activeDeadlineSeconds", "tolerations")}
    for field in ("initContainers", "containers"):
        out[field] = [{k: v for k, v in container.items() if k != "image"} for container in spec.get(field, [])]
    return out


_RULES: dict[Kind, Callable[[Object], Causes]] = {
    kinds.SECRET: _secret,
    kinds.DEPLOYMENT: _deployment,
    kinds.POD: _pod,
}
_CHANGES: dict[Kind, Callable[[Object, Object], Causes]] = {
    kinds.SECRET: _secret_change,
    kinds.DEPLOYMENT: _selector_change,
    kinds.REPLICA_SET: _selector_change,
    kinds.POD: _pod_change,
}
