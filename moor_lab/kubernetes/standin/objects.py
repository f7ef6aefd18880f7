"""Functions for API objects, which are plain JSON values."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def timestamp(instant: datetime) -> str:
    """Return a time as Kubernetes writes it, in seconds."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(instant: datetime) -> str:
    """Return a time as Kubernetes writes a MicroTime."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """Parse either kind of timestamp."""
    return datetime.fromisoformat(text)


def name_of(obj: Object) -> str:
    """Return the object's name; empty if it has none yet."""
    return str(obj.get("metadata", {}).get("name", ""))


def namespace_of(obj: Object) -> str:
    """Return the object's namespace; empty for cluster-scoped objects."""
    return str(obj.get("metadata", {}).get("namespace", ""))


def uid_of(obj: Object) -> str:
    """Return the object's unique id."""
    return str(obj["metadata"]["uid"])


def dig(value: Any, *path: str | int) -> Any:
    """Return the value at ``path``; None if there is none."""
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def clone(obj: Object) -> Object:
    """Return a deep copy."""
    return copy.deepcopy(obj)


def canonical(value: Any) -> str:
    """Return a canonical text, the same for equal JSON values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def owner(obj: Object) -> Object | None:
    """Return the reference to the controller that owns the object."""
    references: list[Object] = obj["metadata"].get("ownerReferences", [])
    return next((ref for ref in references if ref.get("controller")), None)


def owner_reference(api_version: str, kind: str, obj: Object) -> Object:
    """Return the owner reference to ``obj`` for objects that its controller creates."""
    return {
        "apiVersion": api_version,
        "blockOwnerDeletion": True,
        "controller": True,
        "kind": kind,
        "name": name_of(obj),
        "uid": uid_of(obj),
    }


def condition(obj: Object, kind: str) -> Object | None:
    """Return the condition of this type in the object's status."""
    return next((c for c in dig(obj, "status", "conditions") or [] if c["type"] == kind), None)


def is_true(obj: Object, kind: str) -> bool:
    """Return whether the condition of this type is True."""
    found = condition(obj, kind)
    return bool(found and found["status"] == "True")


def set_condition(conditions: list[Object], new: Object) -> list[Object]:
    """Return the conditions with ``new`` among them; its transition time changes only with its status."""
    old = next((c for c in conditions if c["type"] == new["type"]), None)
    if old and old["status"] == new["status"]:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*(c for c in conditions if c["type"] != new["type"]), new]


def containers(pod_spec: Object) -> Iterator[Object]:
    """Yield the containers of a pod's spec, init containers first."""
    yield from pod_spec.get("initContainers") or []
    yield from pod_spec.get("containers") or []
