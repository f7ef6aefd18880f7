"""Tables that ``kubectl get`` prints."""

from collections.abc import Callable
from datetime import UTC, datetime

from ..objects import Object, name_of
from .columns import COLUMNS, Row, age

EVENT_ORDER = ("Last Seen", "Type", "Reason", "Object", "Message")


def of(objects: list[Object], version: str) -> Object:
    """Return a meta.k8s.io Table of the objects, with the columns of their kind."""
    rows = [_cells(obj) for obj in objects]
    names = list(rows[0]) if rows else ["Name", "Age"]
    columns = [{"name": name, "type": "string", "format": "", "description": "", "priority": 0} for name in names]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": columns,
        "rows": [
            {"cells": list(row.values()), "object": _partial(obj)} for row, obj in zip(rows, objects, strict=True)
        ],
    }


def _partial(obj: Object) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def _cells(obj: Object) -> Row:
    special: Callable[[Object], Row] = COLUMNS.get(obj["kind"], lambda _: {})
    row = {"Name": name_of(obj), **special(obj), "Age": age(obj["metadata"]["creationTimestamp"], datetime.now(UTC))}
    return {key: row[key] for key in EVENT_ORDER} if obj["kind"] == "Event" else row
