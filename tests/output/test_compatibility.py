"""The JSON report may get keys and never loses one: programs find the same keys with the same types later.

``report.schema.N.json`` is the schema of number N as it was first published. A key that goes, or changes its type,
needs another number (``SCHEMA`` in moor/run/report.py) and a recorded file of its own;
a key that comes needs neither.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moor.output.schema import report_schema
from moor.run.report import SCHEMA

RECORDED = Path(__file__).with_name(f"report.schema.{SCHEMA}.json")
Schema = dict[str, Any]


def broken(recorded: Schema, current: Schema) -> list[str]:
    """List what a program that reads ``recorded`` would miss in ``current``."""
    return list(_broken(_resolved(recorded, recorded), _resolved(current, current), "report"))


def _broken(former: Any, now: Any, place: str) -> Iterator[str]:
    if kind(former) != kind(now):
        yield f"{place}: was {kind(former)}, is {kind(now)}"
    for key, inner in former.get("properties", {}).items():
        if key not in now.get("properties", {}):
            yield f"{place}.{key}: is gone"
        else:
            yield from _broken(inner, now["properties"][key], f"{place}.{key}")
    for key in set(former.get("required", ())) - set(now.get("required", ())):
        yield f"{place}.{key}: may be missing"
    for word in ("items", "additionalProperties"):
        if isinstance(former.get(word), dict) and isinstance(now.get(word), dict):
            yield from _broken(former[word], now[word], f"{place}.*")
    if gone := set(former.get("enum", ())) - set(now.get("enum", former.get("enum", ()))):
        yield f"{place}: no longer says {', '.join(sorted(gone))}"


def kind(part: Schema) -> str:
    """Return the type of a part in words; null is one of several where it may be null."""
    if "anyOf" in part:
        return " or ".join(sorted(map(kind, part["anyOf"])))
    return f"const {part['const']}" if "const" in part else str(part.get("type", "any"))


def _resolved(part: Any, whole: Schema, seen: tuple[str, ...] = ()) -> Any:
    """Return a part with its references replaced by what they name; a report within a report is not followed."""
    if isinstance(part, list):
        return [_resolved(one, whole, seen) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return {"type": "object"} if name in seen else _resolved(whole["$defs"][name], whole, (*seen, name))
    return {key: _resolved(value, whole, seen) for key, value in part.items() if key != "$defs"}


def test_the_report_has_every_key_that_its_schema_number_was_published_with() -> None:
    assert RECORDED.is_file(), f"another number needs the schema of the day beside this test: {RECORDED.name}"
    assert broken(json.loads(RECORDED.read_text()), report_schema()) == []


def changed(path: str, value: Any) -> Schema:
    """Return the schema with one part replaced, or taken out where ``value`` is None."""
    schema = copy.deepcopy(report_schema())
    *way, last = path.split("/")
    place: Any = schema
    for word in way:
        place = place[word]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return schema


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("properties/run", None, "report.run: is gone"),
        ("properties/duration_s", {"type": "string"}, "report.duration_s: was number, is string"),
        ("$defs/ResourceReport/properties/diff", None, "report.hosts.*.resources.*.diff: is gone"),
        ("$defs/ResourceReport/properties/status/enum", ["ok"], "report.hosts.*.resources.*.status: no longer says "),
        ("$defs/Finding/properties/remedy", {"type": "array"}, "report.findings.*.remedy: was string, is array"),
        ("$defs/HostReport/required", [], "report.hosts.*.error: may be missing"),
        ("properties/schema/const", SCHEMA + 1, f"report.schema: was const {SCHEMA}, is const {SCHEMA + 1}"),
    ],
)
def test_a_removed_or_changed_key_is_noticed(path: str, value: Any, told: str) -> None:
    assert any(line.startswith(told) for line in broken(report_schema(), changed(path, value)))


def test_an_added_key_is_compatible() -> None:
    more = changed("$defs/HostReport/properties/kind", {"type": "string"})
    status = more["$defs"]["ResourceReport"]["properties"]["status"]
    status["enum"] = [*status["enum"], "unknown"]
    assert broken(report_schema(), more) == []
