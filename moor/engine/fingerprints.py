"""Keyed fingerprints of what a change is from and to, so that a saved plan can be compared and holds no content."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass

from moor.engine.plan import Change, differing_fields, printable_line
from moor.errors import MoorError
from moor.resources.base import Later, Scripted, Value
from moor.secrets.secret import Secret

KEPT = "_fingerprint"  # of a change, with its key
LENGTH = 32  # hexadecimal digits of a fingerprint: 128 bits, more than anybody can find a second content for


@dataclass(frozen=True)
class FieldChange:
    """One field of a change, as fingerprints.

    Attributes:
        name: of the field, safe to print.
        before: of the actual value; empty if there is none.
        after: of the desired value; empty if the field is to be absent, or if its value is not known yet.
        later: what an earlier step of the run will make, in words; empty if the value is known.
    """

    name: str
    before: str
    after: str
    later: str = ""


@dataclass(frozen=True)
class ChangeFingerprint:
    """A change without its content.

    Attributes:
        fields: those that differ.
        writes: whether the resource is a file, which nothing but its own change alters.
        absent: whether the host has nothing of the resource.
        derived: whether what it should be depends on what is there, as where moor's part of a file is.
    """

    fields: tuple[FieldChange, ...]
    writes: bool
    absent: bool
    derived: bool


def fingerprint(change: Change, key: str) -> ChangeFingerprint:
    """Return the fingerprints of a change.

    Args:
        change: of one host.
        key: whoever lacks it cannot try out which content has a fingerprint, not even for a short secret.
    """
    kept = vars(change)  # as cached_property does: hosts that are alike share a change
    if kept.get(KEPT, ("",))[0] != key:
        kept[KEPT] = key, _made(change, key)
    found: ChangeFingerprint = kept[KEPT][1]
    return found


def _made(change: Change, key: str) -> ChangeFingerprint:
    names = differing_fields(change.actual, change.desired)
    before, after = change.actual or {}, change.desired or {}
    fields = tuple(_field(change.id, name, (before.get(name), after.get(name)), key) for name in names)
    absent = not any(before.get(name) for name in names)
    return ChangeFingerprint(fields, bool(change.resource.writes), absent, _is_derived(change))


def _is_derived(change: Change) -> bool:
    """Return whether the desired state would be another one on a host that has nothing of the resource."""
    if not (isinstance(change.resource, Scripted) and change.resource.writes):
        return False
    try:
        return change.resource.desired(None) != change.desired
    except MoorError:
        return True


def _field(resource: str, name: str, values: tuple[Value | None, Value | None], key: str) -> FieldChange:
    later = printable_line(values[1].what) if isinstance(values[1], Later) else ""
    before, after = ("" if value is None else _keyed(_plain(value), (resource, name), key) for value in values)
    return FieldChange(printable_line(name), before, "" if later else after, later)


def _plain(value: Value) -> str:
    """Return what is compared of a value: of a secret its SHA-256, since only that is read from a host."""
    return value.sha256() if isinstance(value, Secret) else str(value)


def _keyed(text: str, place: tuple[str, str], key: str) -> str:
    """Return a fingerprint that differs for one content in two places, so that equal secrets do not show as such."""
    message = json.dumps([*place, text]).encode()  # as ASCII, since a file may hold any bytes
    return hmac.digest(key.encode(), message, "sha256").hex()[:LENGTH]
