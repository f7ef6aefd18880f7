"""Patches other than server-side apply: JSON merge, strategic merge, and JSON Patch; pure.

Source  RFC 7386, RFC 6902, and Kubernetes' strategic merge patch.
"""

from typing import Any

from .. import schema
from ..errors import ApiError, bad_request
from ..objects import Object, clone

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"
APPLY = ("application/apply-patch+yaml", "application/apply-patch+json")


def patched(media: str, node: Object, obj: Object, patch: Any) -> Object:
    """Return the object after the patch. Raises ApiError: 400, 415 or 422."""
    if media == JSON:
        return json_patched(obj, patch)
    if not isinstance(patch, dict):
        raise bad_request("a patch must be an object")
    out = merged(obj, patch) if media == MERGE else strategic(node, obj, patch)
    return dict(out)


def merged(target: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7386): maps merge, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    out = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = merged(out.get(key), value)
    return out


def strategic(node: Object, target: Any, patch: Any) -> Any:
    """Apply a strategic merge patch, in which lists merge by key; ``$patch: delete`` and ``replace`` are supported."""
    if isinstance(patch, dict):
        return _strategic_map(node, target if isinstance(target, dict) else {}, patch)
    if isinstance(patch, list):
        return _strategic_list(node, target if isinstance(target, list) else [], patch)
    return patch


def _strategic_map(node: Object, target: Object, patch: Object) -> Object:
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    out = dict(target)
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            out[name] = [item for item in out.get(name, []) if item not in value]
        elif value is None:
            out.pop(key, None)
        elif not key.startswith("$"):
            out[key] = strategic(schema.field(node, key), out.get(key), value)
    return out


def _strategic_list(node: Object, target: list[Any], patch: list[Any]) -> list[Any]:
    node = schema.resolve(node)
    key = node.get("x-kubernetes-patch-merge-key")
    if "merge" not in node.get("x-kubernetes-patch-strategy", "") or any(_is_replace(item) for item in patch):
        return [item for item in patch if not _is_replace(item)]
    if not key:
        return target + [item for item in patch if item not in target]
    out = list(target)
    for item in patch:
        at = next((i for i, old in enumerate(out) if old.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            out = [old for old in out if old.get(key) != item.get(key)]
        elif at is None:
            out.append(item)
        else:
            out[at] = strategic(schema.items(node), out[at], item)
    return out


def _is_replace(item: Any) -> bool:
    return isinstance(item, dict) and item.get("$patch") == "replace"


def json_patched(obj: Object, operations: Any) -> Object:
    """Apply a JSON Patch (RFC 6902) with any of its six operations."""
    out: Any = clone(obj)
    try:
        for operation in operations:
            out = _operate(out, operation)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ApiError(
            422, "Invalid", f"the server rejected our request due to an error in our request: {error}"
        ) from error
    return dict(out)


def _operate(target: Any, operation: Object) -> Any:
    kind, path = operation["op"], _steps(operation["path"])
    if kind == "test":
        if _at(target, path) != operation["value"]:
            raise ValueError(f"testing value {operation['path']} failed")
        return target
    if kind in ("move", "copy"):
        source = _steps(operation["from"])
        value = clone({"of": _at(target, source)})["of"]
        if kind == "move":
            _change(target, source, "remove", None)
        return _change(target, path, "add", value)
    return _change(target, path, kind, operation.get("value"))


def _steps(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _at(target: Any, path: list[str]) -> Any:
    for step in path:
        target = target[int(step)] if isinstance(target, list) else target[step]
    return target


def _change(target: Any, path: list[str], kind: str, value: Any) -> Any:
    *way, last = path
    parent = _at(target, way)
    if isinstance(parent, list):
        at = len(parent) if last == "-" else int(last)
        if kind == "add":
            parent.insert(at, value)
        elif kind == "replace":
            parent[at] = value
        else:
            del parent[at]
    elif kind == "remove":
        del parent[last]
    else:
        parent[last] = value
    return target
