"""Parser of request bodies, as strict as the client requests."""

import base64
import binascii
import json
from collections.abc import Iterator
from typing import Any

from .. import schema
from ..errors import bad_request, unsupported_media
from ..kinds import Kind
from ..objects import Object

INTEGERS = {"int32", "int64"}
GO_TYPES = {"boolean": "bool", "string": "string", "integer": "int32", "array": "slice", "object": "struct"}


def json_body(body: bytes, content_type: str) -> Any:
    """Return the JSON value of a body. Raises ApiError: 400, not JSON; 415, another format such as protobuf."""
    media = content_type.partition(";")[0].strip()
    if media not in ("", "application/json") and not media.endswith("+json"):
        raise unsupported_media(content_type)
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise bad_request(f"the object provided is unrecognized (must be of type JSON): {error}") from error


def checked(kind: Kind, obj: Any, strictness: str) -> tuple[Object, list[str]]:
    """Return the object, checked for its kind and types, and warnings about unknown fields.

    Args:
        strictness: Strict refuses unknown fields, Warn warns, Ignore is silent.

    Raises:
        ApiError: 400.
    """  # noqa: DOC501  # bad_request and unreadable make one
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata", {}), dict):
        raise bad_request("the object provided is not an object with metadata")
    obj = {"apiVersion": kind.api_version, "kind": kind.kind} | obj
    if (obj["apiVersion"], obj["kind"]) != (kind.api_version, kind.kind):
        given, wanted = f"{obj['apiVersion']}, Kind={obj['kind']}", f"{kind.api_version}, Kind={kind.kind}"
        raise bad_request(f"{obj['kind']} ({given}) does not match the expected ({wanted})")
    node = schema.definition(kind.definition)
    for wrong in mistyped(node, obj, kind.kind):
        raise unreadable(kind, wrong)
    unknown = [f'unknown field "{path}"' for path in schema.unknown_fields(node, obj)]
    if unknown and strictness == "Strict":
        raise unreadable(kind, f"strict decoding error: {', '.join(unknown)}")
    return known_only(node, obj), unknown if strictness == "Warn" else []


def unreadable(kind: Kind, why: str) -> Exception:
    """Return error 400 in the words of the decoder."""
    return bad_request(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')


def known_only(node: Object, value: Any) -> Any:
    """Return the value without fields that are not in the schema."""
    node = schema.resolve(node)
    if isinstance(value, list):
        return [known_only(schema.items(node), item) for item in value]
    if not isinstance(value, dict):
        return value
    known = node.get("properties")
    return {
        name: known_only(schema.field(node, name), inner)
        for name, inner in value.items()
        if inner is not None and (known is None or name in known)
    }


def mistyped(node: Object, value: Any, path: str) -> Iterator[str]:
    """Yield values whose type differs from the schema, in the words of Go's decoder."""
    node = schema.resolve(node)
    if value is None:
        return
    if not _fits(node, value):
        wanted = node.get("format") if node.get("format") in INTEGERS else GO_TYPES[node["type"]]
        yield f"json: cannot unmarshal {_name(value)} into Go struct field {path} of type {wanted}"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from mistyped(schema.field(node, name), inner, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from mistyped(schema.items(node), item, path)
    elif node.get("format") == "byte":
        yield from _bad_base64(value)


def _fits(node: Object, value: Any) -> bool:
    kind = node.get("type")
    if node.get("format") == "int-or-string":
        return isinstance(value, int | str) and not isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    types: dict[str | None, type] = {"string": str, "boolean": bool, "array": list, "object": dict}
    is_quantity = kind == "string" and "format" not in node and isinstance(value, int | float)
    return isinstance(value, types.get(kind, object)) or (is_quantity and not isinstance(value, bool))


def _name(value: Any) -> str:
    names = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}
    return names[type(value)]


def _bad_base64(value: str) -> Iterator[str]:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
        at = next((index for index, sign in enumerate(value) if sign not in alphabet), len(value))
        yield f"illegal base64 data at input byte {at}"


def go_json_error(text: str) -> str | None:
    """Return the error of Go's JSON decoder for this text; None if it is JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()):
            return "unexpected end of JSON input"
        where = {
            "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
            "Expecting ':' delimiter": "after object key",
            "Expecting ',' delimiter": "after object key:value pair",
            "Extra data": "after top-level value",
        }
        return f"invalid character '{text[error.pos]}' {where.get(error.msg, 'looking for beginning of value')}"
    return None
