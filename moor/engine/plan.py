"""The difference between desired and actual state, computed and printed without contacting a host."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from moor.resources.base import Later, Resource, State, Value, is_hidden
from moor.secrets.masking import mask
from moor.secrets.redaction import redact
from moor.secrets.secret import Secret

LINES_SHOWN = 80  # of one field's diff
CHECKED_AT_ONCE = 1024 * 1024  # characters of a large report


@dataclass(frozen=True)
class Change:
    """One resource whose actual state differs from its desired state."""

    resource: Resource
    actual: State | None
    desired: State | None

    @property
    def id(self) -> str:
        return self.resource.id

    @cached_property
    def diff(self) -> str:
        return difference(self.actual, self.desired)


def is_same(desired: Value, actual: Value | None) -> bool:
    """Return whether one field is as desired; a secret is compared by its SHA-256, since only that was read."""
    if isinstance(desired, Later):
        return False
    if isinstance(desired, Secret):
        return desired.sha256() == actual
    return desired == actual


def differing_fields(actual: State | None, desired: State | None) -> list[str]:
    """Return the names of the fields that differ; a field that only ``actual`` has does not count."""
    if actual is None or desired is None:
        return sorted(desired or actual or {})
    return [name for name, value in desired.items() if not is_same(value, actual.get(name))]


def plan(
    resources: Sequence[Resource],
    states: Mapping[str, State | None],
    planned: Iterable[str] = (),
) -> list[Change]:
    """Return the changes in the order of ``resources``.

    A resource that must be newer than a file in the plan is in the plan too.

    Args:
        resources: what the host should hold.
        states: the actual state of each resource, by id.
        planned: paths that earlier stages of the run will change.
    """
    paths, changes = set(planned), []
    for resource in resources:
        actual = resource.pending(frozenset(paths), states[resource.id])
        desired = resource.desired(actual)
        if (actual is None) != (desired is None) or differing_fields(actual, desired):
            changes.append(Change(resource, actual, desired))
            paths.update(resource.writes)
    return changes


def difference(actual: State | None, desired: State | None) -> str:
    """Return a change as text: one line for a short field, a unified diff for several lines, secrets as ``***``."""
    fields = differing_fields(actual, desired)
    before, after = actual or {}, desired or {}
    # A host may have given a field its name.
    shown = (_field(printable_line(name), before.get(name), after.get(name)) for name in fields)
    return "\n".join(line for lines in shown for line in lines)


def _field(name: str, before: Value | None, after: Value | None) -> Iterator[str]:
    if is_hidden(before) or is_hidden(after):
        yield f"{name}: {'(none)' if before is None else '***'} -> {'(none)' if after is None else '***'}"
    elif "\n" in f"{before or ''}{after or ''}":
        yield from _unified(name, str(before or ""), str(after or ""))
    else:
        yield f"{name}: {_short(before)} -> {_short(after)}"


def _unified(name: str, before: str, after: str) -> Iterator[str]:
    lines = _compared(before, after)
    yield f"{name}:"
    yield from (line if line[0] == "@" else line[0] + printable_line(line[1:]) for line in lines[:LINES_SHOWN])
    if len(lines) > LINES_SHOWN:
        yield f"... {len(lines) - LINES_SHOWN} more lines"


@lru_cache(maxsize=64)  # a change is often the same on many hosts
def _compared(before: str, after: str) -> tuple[str, ...]:
    """Return the lines of a unified diff, without what looks like a secret; secrets that moor knows are in it.

    The original lines are compared, so that a secret changed by hand is a change.
    """
    old, new = before.splitlines(), after.splitlines()
    clean = {line: line for line in (*old, *new)} | _cleaned(old) | _cleaned(new)
    compared = list(difflib.unified_diff(old, new, n=1, lineterm=""))[2:]
    return tuple(line if line[0] == "@" else line[0] + clean[line[1:]] for line in compared)


def _cleaned(lines: list[str]) -> dict[str, str]:
    """Return the masked form of each line that contains something like a secret."""
    return {line: instead for line, instead in zip(lines, redact(lines), strict=True) if line != instead}


def _short(value: Value | None) -> str:
    return "(none)" if value is None else printable_line(*redact([str(value)])) or "(empty)"


def printable(text: str) -> str:
    """Make a text of several lines safe to print: mask known secrets, escape unprintable characters."""
    masked = mask(text)  # as a whole, since a secret may span lines
    return masked if _is_printable(masked) else "\n".join(map(_escaped, masked.split("\n")))


def _is_printable(text: str) -> bool:
    """Return whether all lines are printable; in large pieces, which takes a hundredth of the time of each line."""
    pieces = (text[at : at + CHECKED_AT_ONCE] for at in range(0, len(text), CHECKED_AT_ONCE))
    return all(piece.replace("\n", "").isprintable() for piece in pieces)


def printable_line(text: str) -> str:
    """Make one line safe to print: mask known secrets, escape unprintable characters."""
    return _escaped(mask(text))


def _escaped(line: str) -> str:
    if line.isprintable():
        return line
    raw = line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in raw)
