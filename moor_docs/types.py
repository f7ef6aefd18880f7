"""What a setting may be, in the words of somebody who writes an inventory."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from datetime import date
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, IPvAnyAddress, IPvAnyNetwork, SecretStr
from pydantic.fields import FieldInfo

from moor.settings.section import SecretRef

WORDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "number",
    float: "number",
    str: "text",
    Path: "path",
    date: "day",
    SecretRef: "secret",
    SecretStr: "secret",
    IPvAnyAddress: "address",
    IPv4Address: "IPv4 address",
    IPv6Address: "IPv6 address",
    IPvAnyNetwork: "network",
    IPv4Network: "network",
    IPv6Network: "network",
    Any: "anything",
    object: "anything",
}
PLURALS = {
    "text": "text",
    "number": "numbers",
    "path": "paths",
    "address": "addresses",
    "network": "networks",
    "secret": "secrets",
    "word": "words",
    "keys": "keys",
}
FEW = 6  # more words of a Literal than this are left to the meaning


def type_words(field: FieldInfo) -> str:
    """Return what a key's value may be, with its bounds."""
    return " or ".join(filter(None, dict.fromkeys(_words(field.annotation, field.metadata))))


def inner_models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models of the keys inside of a value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from inner_models(part)


def _words(annotation: Any, metadata: list[Any]) -> Iterator[str]:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _words(parts[0], [*metadata, *parts[1:]])
    elif origin in (Union, types.UnionType):
        for part in parts:
            yield from _words(part, metadata)
    elif origin is Literal:
        yield ", ".join(f"`{_plain(word)}`" for word in parts if word != "") if len(parts) <= FEW else "word"
    elif origin in (tuple, list, frozenset, set):
        inner = _joined(parts[0]) if parts else ""
        yield f"list of {PLURALS.get(inner, inner)}" if inner else "list"
    elif origin in (dict, Mapping) or annotation is dict:
        yield f"{_joined(parts[1])} by name" if parts else "keys and values"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "keys"
    elif annotation is not type(None):
        yield WORDS.get(annotation, "text") + (_bounds(metadata) if annotation in (int, float) else "")


def _joined(annotation: Any) -> str:
    return " or ".join(dict.fromkeys(_words(annotation, [])))


def _bounds(metadata: list[Any]) -> str:
    """Return the bounds of a number, such as " from 1 to 65535"."""
    low = next((value for one in metadata for value in [getattr(one, "ge", None)] if value is not None), None)
    above = next((value for one in metadata for value in [getattr(one, "gt", None)] if value is not None), None)
    high = next((value for one in metadata for value in [getattr(one, "le", None)] if value is not None), None)
    first = f" from {low}" if low is not None else f" above {above}" if above is not None else ""
    return first + (f" to {high}" if high is not None else "")


def _plain(word: object) -> str:
    return str(word).lower() if isinstance(word, bool) else str(word)
