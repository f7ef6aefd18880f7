"""Label and field selectors of list and watch."""

import re
from collections.abc import Callable

from . import kinds
from .errors import bad_request
from .kinds import Kind
from .objects import Object, dig

Predicate = Callable[[Object], bool]

_SETS = re.compile(r"^\s*(?P<key>[^\s!=]+)\s+(?P<how>in|notin)\s*\((?P<values>[^)]*)\)\s*$")
_EQUAL = re.compile(r"^\s*(?P<key>[^\s!=]+)\s*(?P<how>==|=|!=)\s*(?P<value>[^\s!=]*)\s*$")
_EXISTS = re.compile(r"^\s*(?P<no>!?)\s*(?P<key>[^\s!=()]+)\s*$")


def labels(text: str) -> Predicate:
    """Return whether an object's labels match: ``app=web,tier in (a,b),!old``. Raises ApiError: 400."""
    tests = [_requirement(part) for part in re.split(r",(?![^(]*\))", text) if part.strip()]
    return lambda obj: all(test(obj) for test in tests)


def _requirement(part: str) -> Predicate:
    if found := _SETS.match(part):
        key, wanted = found["key"], {value.strip() for value in found["values"].split(",")}
        inside = found["how"] == "in"
        return lambda obj: (_label(obj, key) in wanted) is inside
    if found := _EQUAL.match(part):
        key, value, equal = found["key"], found["value"], found["how"] != "!="
        return lambda obj: (_label(obj, key) == value) is equal
    if found := _EXISTS.match(part):
        key, absent = found["key"], bool(found["no"])
        return lambda obj: (_label(obj, key) is None) is absent
    raise bad_request(f'unable to parse requirement: found "{part.strip()}"')


def _label(obj: Object, key: str) -> str | None:
    value = dig(obj, "metadata", "labels", key)
    return None if value is None else str(value)


METADATA = ("metadata.name", "metadata.namespace")
FIELDS: dict[Kind, tuple[str, ...]] = {
    kinds.POD: (
        *("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork"),
        *("status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName"),
    ),
    kinds.EVENT: (
        *(f"involvedObject.{field}" for field in ("kind", "namespace", "name", "uid", "apiVersion", "fieldPath")),
        *("involvedObject.resourceVersion", "reason", "reportingComponent", "source", "type"),
    ),
    kinds.JOB: ("status.successful",),
    kinds.NAMESPACE: ("status.phase",),
    kinds.NODE: ("spec.unschedulable",),
    kinds.REPLICA_SET: ("status.replicas",),
    kinds.SECRET: ("type",),
    kinds.SERVICE: ("spec.clusterIP", "spec.type"),
}
"""The fields by which a real API server selects, beside name and namespace."""

ELSEWHERE = {"source": ("source", "component"), "status.successful": ("status", "succeeded")}
"""Where fields are that have another name in selectors."""


def fields(kind: Kind, text: str) -> Predicate:
    """Return whether an object's fields match: ``spec.nodeName=n1,status.phase!=Failed``. Raises ApiError: 400."""
    tests = [_field(kind, part) for part in text.split(",") if part]
    return lambda obj: all(test(obj) for test in tests)


def _field(kind: Kind, part: str) -> Predicate:
    found = _EQUAL.match(part)
    if not found:
        raise bad_request(f'invalid selector: "{part}"; can\'t understand "{part}"')
    key, value, equal = found["key"], found["value"], found["how"] != "!="
    if key not in (*METADATA, *FIELDS.get(kind, ())):
        known = '"{}" is not a known field selector: only "metadata.name", "metadata.namespace"'
        raise bad_request(f"field label not supported: {key}" if kind in FIELDS else known.format(key))
    path = ELSEWHERE.get(key) or key.split(".")
    return lambda obj: (_text(dig(obj, *path)) == value) is equal


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value or "")


def matches(selector: Object, obj_labels: Object) -> bool:
    """Return whether labels match a LabelSelector (matchLabels and matchExpressions)."""
    wanted = selector.get("matchLabels") or {}
    if any(obj_labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(e, obj_labels.get(e["key"])) for e in selector.get("matchExpressions") or [])


def _expression(expression: Object, value: str | None) -> bool:
    operator, values = expression["operator"], expression.get("values") or []
    answers = {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return answers[operator]
