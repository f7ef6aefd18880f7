"""Revisions of the templates of stateful sets and daemon sets, kept as objects of their own.

Source  Kubernetes' pkg/controller/history.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .. import kinds
from ..kinds import Kind
from ..objects import Object, canonical, clone, dig, name_of, namespace_of, owner_reference
from .rollouts import template_hash
from .snapshot import Actions, Create, Delete, Replace, Snapshot

LABEL = "controller-revision-hash"


@dataclass(frozen=True)
class History:
    """A set with the revisions of its template, oldest first."""

    kind: Kind
    owner: Object
    revisions: tuple[Object, ...]

    @property
    def newest(self) -> Object | None:
        """Return the revision of the current template; None if it has to be written first."""
        found = self._of_template
        return found if found and found is self.revisions[-1] else None

    @property
    def _of_template(self) -> Object | None:
        wanted = canonical(_data(self.owner))
        return next((one for one in self.revisions if canonical(one["data"]) == wanted), None)

    def template(self, name: str) -> Object | None:
        """Return the template of the revision of this name; None if it is gone."""
        found = next((one for one in self.revisions if name_of(one) == name), None)
        return clone(found["data"]["spec"]["template"]) if found else None

    def write(self) -> Actions:
        """Yield what makes the current template the newest revision: a new one, or an old one with a new number."""
        number = max((one["revision"] for one in self.revisions), default=0) + 1
        found = self._of_template
        if found:
            yield Replace(kinds.CONTROLLER_REVISION, clone(found) | {"revision": number})
        else:
            yield Create(kinds.CONTROLLER_REVISION, self._new(number))

    def _new(self, number: int) -> Object:
        template = self.owner["spec"]["template"]
        hashed = template_hash(template)
        return {
            "metadata": {
                "name": f"{name_of(self.owner)}-{hashed}",
                "namespace": namespace_of(self.owner),
                "labels": (dig(template, "metadata", "labels") or {}) | {LABEL: hashed},
                "ownerReferences": [owner_reference(self.kind.api_version, self.kind.kind, self.owner)],
            },
            "data": _data(self.owner),
            "revision": number,
        }

    def forget(self, live: set[str]) -> Actions:
        """Yield deletions of revisions beyond the set's history that no pod has."""
        spare = [one for one in self.revisions if name_of(one) not in live]
        yield from (Delete(kinds.CONTROLLER_REVISION, one) for one in spare[: max(0, len(spare) - self._limit)])

    @property
    def _limit(self) -> int:
        return int(self.owner["spec"].get("revisionHistoryLimit", 10))


def _data(owner: Object) -> Object:
    return {"spec": {"template": {"$patch": "replace", **owner["spec"]["template"]}}}


def history_of(kind: Kind, owner: Object, snapshot: Snapshot) -> History:
    """Return a set's history."""
    found = snapshot.owned(kinds.CONTROLLER_REVISION, owner)
    return History(kind, owner, tuple(sorted(found, key=lambda one: (one["revision"], name_of(one)))))


def revision_of(pod: Object) -> str:
    """Return the revision that a pod was made from: a name for stateful sets, a hash for daemon sets."""
    return str(dig(pod, "metadata", "labels", LABEL) or "")


def histories(kind: Kind, snapshot: Snapshot) -> Iterator[History]:
    """Yield the history of every set of a kind."""
    return (history_of(kind, one, snapshot) for one in snapshot.of(kind))
