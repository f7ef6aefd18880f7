"""Models as the inventory writes them: without defaults, without what a release lacks, valid as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from moor.settings.section import StrictModel
from moor.tasks.harbor.keys import Release
from moor.tasks.registry.releases import Mark

Document = dict[str, Any]
Place = tuple[int | str, ...]


@dataclass
class Notes:
    """What a person has to know of an export.

    Attributes:
        secrets: the references that are to be filled in, and with what
        left_out: what Harbor holds and the inventory cannot say, and why
    """

    secrets: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def document_of(model: BaseModel, release: Release | None) -> Document:
    """Return a model as the inventory writes it, without defaults and without fields that the release does not have."""
    # What Harbor holds is not checked yet, so that a field may have another type than its own.
    written: Document = model.model_dump(mode="json", exclude_defaults=True, exclude_none=True, warnings=False)
    if release:
        _drop_unfit(model, written, release)
    return written


def _drop_unfit(value: object, written: Any, release: Release) -> None:
    """Remove the fields below ``value`` that a release does not have from what was written of it."""
    if isinstance(value, BaseModel):
        for name, about in type(value).model_fields.items():
            if name in written and any(isinstance(one, Mark) and one.why_not(release) for one in about.metadata):
                del written[name]
    for name, below in _below(value):
        if isinstance(written, list):
            _drop_unfit(below, written[name], release)
        elif written.get(name):
            _drop_unfit(below, written[name], release)
            if written[name] == {}:
                del written[name]


def _below(value: object) -> Iterator[tuple[Any, object]]:
    if isinstance(value, BaseModel):
        yield from ((name, getattr(value, name, None)) for name in type(value).model_fields)
    elif isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, tuple | list):
        yield from enumerate(value)


def without(written: Document, fresh: Document) -> Document:
    """Return what was written without the keys that say the same in ``fresh``; an empty part that is not, stays."""
    found = {}
    for key, value in written.items():
        same = fresh.get(key)
        if value == same:
            continue
        if isinstance(value, dict) and isinstance(same, dict) and value:
            value = without(value, same)
            if not value:
                continue
        found[key] = value
    return found


def valid(kind: type[StrictModel], written: Document, key: str, site: Path, notes: Notes) -> Document:
    """Return as much of a document as the inventory takes; note what is left out, and why.

    Args:
        key: its place in the inventory, such as ``data.projects.shop``
        site: the directory to which paths are relative
    """
    while True:
        try:
            kind.model_validate(written, context={"site": site})
        except ValidationError as invalid:
            wrong = invalid.errors(include_input=False, include_url=False)
        else:
            return written
        for place in dict.fromkeys(_smallest(kind, error["loc"]) for error in wrong):
            words = "; ".join(dict.fromkeys(str(e["msg"]) for e in wrong if _smallest(kind, e["loc"]) == place))
            notes.left_out.append(f"{key}.{'.'.join(map(str, place))}: {words.replace('Value error, ', '')}")
            written = _without_place(written, place)


def _smallest(kind: type[StrictModel], place: Sequence[int | str]) -> Place:
    """Return the smallest part to leave out for an error: an entry of things by name, else the whole key.

    To leave out a part of one thing, or one rule of a list, would have the next apply change that thing.
    """
    about = kind.model_fields.get(str(place[0])) if place else None
    by_name = about is not None and get_origin(about.annotation) is dict and len(place) > 1
    return tuple(place[: 2 if by_name else 1])


def texts_in(written: object) -> Iterator[str]:
    """Yield every text that is a value in a document."""
    if isinstance(written, str):
        yield written
    for below in written.values() if isinstance(written, dict) else written if isinstance(written, list) else ():
        yield from texts_in(below)


def _without_place(written: Document, place: Place) -> Document:
    """Return a document without one key, or without one entry of a key; an error of the whole leaves nothing."""
    if not place:
        return {}
    first, *rest = place
    kept = {key: value for key, value in written.items() if key != first}
    entries = _without_place(written[str(first)], tuple(rest)) if rest else {}
    return {**kept, str(first): entries} if entries else kept
