"""The resources of a stage on hosts that are alike, with what is computed of them once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from moor.engine.plan import Change, plan, printable_line
from moor.resources.base import Resource, State

VARIETY = 64  # more different plans than this are not worth remembering


class ResourceList(tuple[Resource, ...]):
    """Resources in working order."""

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Return the resources' ids."""
        return tuple(resource.id for resource in self)

    @cached_property
    def shown_ids(self) -> tuple[str, ...]:
        """Return the resources' ids, safe to print."""
        return tuple(map(printable_line, self.ids))

    @cached_property
    def duplicates(self) -> list[str]:
        """Return the ids that more than one resource has."""
        seen, twice = set[str](), set[str]()
        for name in self.ids:
            (twice if name in seen else seen).add(name)
        return sorted(twice)

    @cached_property
    def _plans(self) -> dict[tuple[object, ...], tuple[tuple[State | None, ...], list[Change]]]:
        return {}

    def plan(self, states: Mapping[str, State | None], planned: Iterable[str] = ()) -> list[Change]:
        """Return the changes, as ``moor.engine.plan.plan`` does, which is called once for the same states.

        Readings make one object of equal states, so that states are compared by identity.
        """
        actual = tuple(states[name] for name in self.ids)
        key = (frozenset(planned), *map(id, actual))
        if key in self._plans:
            return list(self._plans[key][1])
        changes = plan(self, states, planned)
        if len(self._plans) < VARIETY:
            self._plans[key] = actual, changes  # the states are kept, so that no other object has their ids
        return list(changes)


def listed(resources: Sequence[Resource]) -> ResourceList:
    """Return the resources as a ResourceList; one that hosts share already is kept."""
    return resources if isinstance(resources, ResourceList) else ResourceList(resources)
