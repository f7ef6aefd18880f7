"""A thing's model as fields of text, which a plan compares and shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

from moor.errors import InputError
from moor.resources.base import Value
from moor.settings import SecretRef, prefix_errors


def flatten(value: Any, name: str = "") -> dict[str, Value]:
    """Return a model's fields as text by dotted name; a field that is None says nothing and is left out.

    A list of values is one line, a list of models one line for each, so that a diff shows the one that changed; their
    order does not count. A secret stays a ``Secret``.
    """
    if value is None:
        return {}
    if isinstance(value, BaseModel | Mapping):
        return {
            full: text
            for key, below in _items(value)
            for full, text in flatten(below, f"{name}.{key}" if name else key).items()
        }
    if isinstance(value, SecretRef):
        return {name: value.resolve()}
    if isinstance(value, tuple | list | frozenset):
        return {name: _listed(value)}
    return {name: text_of(value)}


def text_of(value: Any) -> str:
    """Return one value as the inventory writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value.value) if isinstance(value, Enum) else str(value)


def _items(value: BaseModel | Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        yield from ((name, getattr(value, name)) for name in type(value).model_fields)
    else:
        yield from ((str(name), below) for name, below in value.items())


def _listed(values: Iterable[Any]) -> str:
    entries = list(values)
    if any(isinstance(entry, BaseModel) for entry in entries):
        return "\n".join(sorted(_line(entry) for entry in entries))
    return ", ".join(sorted(text_of(entry) for entry in entries))


def _line(entry: BaseModel) -> str:
    """Return a model on one line; one with words of its own has a ``__str__``."""
    if type(entry).__str__ is not BaseModel.__str__:
        return str(entry)
    return ", ".join(f"{name}: {text}" for name, text in flatten(entry).items())


def unreadable_secrets(value: Any, name: str) -> list[str]:
    """Return an error for every secret below ``value`` that cannot be read.

    Args:
        value: a model, or a mapping or list of models
        name: the value's key in the inventory, such as ``data.projects.shop``
    """
    if isinstance(value, SecretRef):
        try:
            with prefix_errors(name):
                value.resolve()
        except InputError as error:
            return [str(error)]
        return []
    if isinstance(value, BaseModel | Mapping):
        return [words for key, below in _items(value) for words in unreadable_secrets(below, f"{name}.{key}")]
    if isinstance(value, tuple | list):
        return [words for at, below in enumerate(value) for words in unreadable_secrets(below, f"{name}.{at}")]
    return []
