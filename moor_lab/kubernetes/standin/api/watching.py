"""Watching: the changes of a store as the events of a watch."""

import time
from collections.abc import Callable, Iterator

from ..kinds import Kind
from ..objects import Object, namespace_of
from ..store import Change, Store

SIGN_S = 5.0
"""How often a watch without events gives a sign, so that a dead connection is noticed."""


def watch(
    store: Store, kind: Kind, namespace: str, version: int, wanted: Callable[[Object], bool], seconds: float
) -> Iterator[Object | None]:
    """Watch events after ``version`` for ``seconds``; None is a mere sign of life. Raises ApiError: 410."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for change in list(store.changes(version)):
            version = change.version
            event = watch_event(kind, namespace, change, wanted)
            if event:
                yield event
        if not store.wait(version, max(0.0, min(SIGN_S, end - time.monotonic()))):
            yield None


def watch_event(kind: Kind, namespace: str, change: Change, wanted: Callable[[Object], bool]) -> Object | None:
    """Return the event that a change is for a watcher: an object that no longer matches is deleted for it."""
    if change.resource != kind.resource or namespace not in ("", namespace_of(change.last)):
        return None
    before = change.old is not None and wanted(change.old)
    after = change.new is not None and wanted(change.new)
    if not before and not after:
        return None
    type_ = "MODIFIED" if before and after else "ADDED" if after else "DELETED"
    return {"type": type_, "object": change.last}
