"""Fields that other managers own: an apply takes back what was changed by hand, and fights nobody else.

References:
    kubernetes.io, server-side apply: conflicts; apimachinery, managedfields/internal/conflict.go for the words
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import MANAGER
from moor.errors import ApiRefusal, ErrorKind
from moor.tasks.cluster.api import Tree, apply_server_side

CONFLICT = re.compile(r'^conflict with "(?P<manager>[^"]*)"(?: with subresource "[^"]*")?(?P<update> using )?')
REASON = "FieldManagerConflict"
# Managers that apply manifests although the API records an update; the changes of others were made by hand.
APPLIERS = re.compile(
    r"kubectl-client-side-apply|helm|argocd.*|.*-controller|.*-operator|kube-controller-manager|terraform|pulumi.*",
    re.I,
)


@dataclass(frozen=True)
class HeldObject:
    """An object to apply, the live one, and the managers whose fields moor takes over."""

    id: str
    content: Mapping[str, Any]
    live: Tree | None
    take_over: frozenset[str] = frozenset()


@dataclass(frozen=True)
class FieldConflict:
    """A field that another manager owns with another value.

    Attributes:
        applies: the manager applies manifests or is a controller, so that it would write its value again
    """

    field: str
    manager: str
    applies: bool


def apply_unless_held(task: Task, held: HeldObject, dry_run: bool = False) -> Tree:
    """Apply an object; take back fields that were changed by hand since moor applied them.

    Raises:
        ApiRefusal: other managers hold fields of it
    """
    try:
        return apply_server_side(task, held.id, held.content, dry_run, force=False)
    except ApiRefusal as error:
        found = list(conflicts_in(error))
        if not found:
            raise
    own = is_applied_by_moor(held.live)
    rivals = [one for one in found if is_rival(one, own, held.take_over)]
    if rivals:
        raise ApiRefusal(describe(held.id, rivals), ErrorKind.CONFLICT)
    return apply_server_side(task, held.id, held.content, dry_run)


def conflicts_in(error: BaseException) -> Iterator[FieldConflict]:
    """Yield the fields of which the API said that others manage them."""
    from lightkube.core.exceptions import ApiError

    cause = error.__cause__
    details = cause.status.details if isinstance(cause, ApiError) else None
    for one in (details.causes if details else None) or []:
        if one.reason == REASON and (said := CONFLICT.match(str(one.message))):
            applies = not said["update"] or bool(APPLIERS.fullmatch(said["manager"]))
            yield FieldConflict(str(one.field), said["manager"], applies)


def is_applied_by_moor(live: Tree | None) -> bool:
    """Return whether moor has applied an object before."""
    entries = (live or {}).get("metadata", {}).get("managedFields") or []
    return any((one.get("manager"), one.get("operation")) == (MANAGER, "Apply") for one in entries)


def is_rival(found: FieldConflict, own: bool, take_over: frozenset[str]) -> bool:
    """Return whether moor leaves a field to its manager.

    Args:
        own: moor has applied the object before, so that a change by hand came after that
        take_over: managers whose fields moor takes
    """
    if found.manager == MANAGER or found.manager in take_over:
        return False
    return found.applies or not own


def describe(what: str, rivals: list[FieldConflict]) -> str:
    """Return the message about fields that others manage."""
    managers = list(dict.fromkeys(one.manager for one in rivals))
    each = [f"{', '.join(one.field for one in rivals if one.manager == name)} ({name})" for name in managers]
    return (
        f"{what}: others manage fields of it with other values: {'; '.join(each)}; moor leaves it as it is: take these "
        f"fields out of the manifest, or write take_over: [{', '.join(managers)}] in the workload if they are to be "
        "moor's"
    )
