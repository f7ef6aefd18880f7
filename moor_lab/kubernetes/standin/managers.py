"""Ownership of fields by server-side apply and all other writes; pure.

Source  https://kubernetes.io/docs/reference/using-api/server-side-apply/; apimachinery/pkg/util/managedfields.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from . import schema
from .errors import Cause, apply_conflict
from .fields import Fields, Path, decode, encode, flatten, prefixes, spell
from .merge import merge, remove
from .objects import Object, clone, parse_time, timestamp

Operation = Literal["Apply", "Update"]

UNTRACKED = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generateName",
    "generation",
    "managedFields",
    "name",
    "namespace",
    "resourceVersion",
    "selfLink",
    "uid",
)
"""Metadata that no manager can own."""


@dataclass(frozen=True)
class Manager:
    """One entry of managedFields."""

    name: str
    operation: Operation
    api_version: str
    subresource: str = ""
    fields: Fields = frozenset()
    time: datetime | None = None

    def is_same(self, other: "Manager") -> bool:
        """Return whether both entries are of the same manager and operation."""
        mine, others = replace(self, fields=frozenset(), time=None), replace(other, fields=frozenset(), time=None)
        return mine == others

    def __str__(self) -> str:
        words = f'"{self.name}"'
        if self.subresource:
            words += f' with subresource "{self.subresource}"'
        if self.operation == "Update":
            words += f" using {self.api_version}"
            words += f" at {timestamp(self.time)}" if self.time else ""
        return words


def read(obj: Object) -> list[Manager]:
    """Return the managers in an object's managedFields."""
    return [
        Manager(
            entry["manager"],
            entry["operation"],
            entry["apiVersion"],
            entry.get("subresource", ""),
            decode(entry["fieldsV1"]),
            parse_time(entry["time"]) if entry.get("time") else None,
        )
        for entry in obj.get("metadata", {}).get("managedFields", [])
    ]


def write(managers: list[Manager]) -> list[Object]:
    """Return managedFields for the managers that own a field."""
    return [_entry(manager) for manager in managers if manager.fields]


def _entry(manager: Manager) -> Object:
    entry: Object = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": timestamp(manager.time) if manager.time else None,
        "fieldsType": "FieldsV1",
        "fieldsV1": encode(manager.fields),
    }
    return entry | ({"subresource": manager.subresource} if manager.subresource else {})


def tracked(obj: Object) -> Object:
    """Return the object without fields that no manager can own, such as its identity."""
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key not in UNTRACKED}
    rest = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")}
    return rest | ({"metadata": metadata} if metadata else {})


def apply(node: Object, live: Object, config: Object, manager: Manager, force: bool) -> Object:
    """Return ``live`` after ``manager`` applied ``config``.

    Raises:
        ApiError: 409, fields that would change are owned by others, and ``force`` is off.
    """
    before = read(live)
    fields = frozenset(flatten(node, tracked(config)))
    last = next((m.fields for m in before if m.is_same(manager)), frozenset())
    others = [m for m in before if not m.is_same(manager)]
    merged = merge(node, live, config)
    taken = _differences(node, live, merged) & fields
    if not force:
        _refuse_conflicts([(m, path) for m in others for path in sorted(m.fields & taken)])
    others = [replace(m, fields=m.fields - taken) for m in others]
    merged = remove(node, merged, _abandoned(node, last, fields, others))
    return _with_managers(merged, _placed(before, others, replace(manager, fields=fields)), live)


def update(node: Object, before: Object, after: Object, manager: Manager) -> Object:
    """Return ``after`` with ``manager`` as owner of what it changed, and no owner for removed fields."""
    old, new = flatten(node, tracked(before)), flatten(node, tracked(after))
    changed = frozenset(path for path, value in new.items() if path not in old or old[path] != value)
    gone = frozenset(old) - frozenset(new)
    known = read(before)
    own = next((m.fields for m in known if m.is_same(manager)), frozenset())
    others = [replace(m, fields=m.fields - changed - gone) for m in known if not m.is_same(manager)]
    mine = replace(manager, fields=(own | changed) - gone)
    if not changed:
        mine = replace(mine, time=next((m.time for m in known if m.is_same(manager)), None))
    return _with_managers(after, _placed(known, others, mine), before)


def _differences(node: Object, live: Object, merged: Object) -> frozenset[Path]:
    old, new = flatten(node, tracked(live)), flatten(node, tracked(merged))
    return frozenset(path for path, value in new.items() if path not in old or old[path] != value)


def _abandoned(node: Object, last: Fields, fields: Fields, others: list[Manager]) -> set[Path]:
    """Return fields that the manager no longer applies and no other manager owns; metadata has untracked ones too."""
    kept = prefixes(fields).union({("f:metadata",)}, *(prefixes(other.fields) for other in others))
    return {path for path in prefixes(last) - kept if path in last or not _is_free_map(node, path)}


def _is_free_map(node: Object, path: Path) -> bool:
    for element in path:
        node = schema.field(node, element[2:]) if element.startswith("f:") else schema.items(node)
    return schema.is_free_map(node)


def _refuse_conflicts(found: list[tuple[Manager, Path]]) -> None:
    if not found:
        return
    causes = [Cause(spell(path), f"conflict with {manager}", "FieldManagerConflict") for manager, path in found]
    if len(found) == 1:
        manager, path = found[0]
        raise apply_conflict(f"Apply failed with 1 conflict: conflict with {manager}: {spell(path)}", causes)
    by_manager: dict[str, list[str]] = {}
    for manager, path in found:
        by_manager.setdefault(str(manager), []).append(f"- {spell(path)}")
    parts = [f"conflicts with {name}:\n" + "\n".join(by_manager[name]) for name in sorted(by_manager)]
    raise apply_conflict(f"Apply failed with {len(found)} conflicts: " + "\n".join(parts), causes)


def _placed(before: list[Manager], others: list[Manager], mine: Manager) -> list[Manager]:
    """Return the managers in their former order, a new one last."""
    former = next((m for m in before if m.is_same(mine)), None)
    if former and former.fields == mine.fields:
        mine = replace(mine, time=former.time)
    remaining = iter(others)
    placed = [mine if m.is_same(mine) else next(remaining) for m in before]
    return placed if former else [*placed, mine]


def _with_managers(obj: Object, managers: list[Manager], live: Object) -> Object:
    out = clone(obj)
    metadata: dict[str, Any] = out.setdefault("metadata", {})
    metadata["managedFields"] = write(managers)
    if not metadata["managedFields"]:
        del metadata["managedFields"]
    return out
