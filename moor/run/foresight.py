"""What a runbook's stages declare of a host before they run, put together once for hosts that are alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nornir.core.inventory import Host

from moor.context import context_of
from moor.engine.alike import Alike
from moor.engine.desired import Desired, desired_ahead_of
from moor.engine.held_changes import hold_of
from moor.engine.holds import HELD_HERE, holds_in, today
from moor.engine.observation import observation_of
from moor.engine.plan import plan
from moor.engine.reading import Reading
from moor.errors import MoorError
from moor.resources.base import Probed, Resource
from moor.run.runbook import Stage

Declared = tuple[Stage, Sequence[Resource] | None]  # None: not known before the stage runs


@dataclass(frozen=True)
class Foresight:
    """What is read of a host for all stages, each resource once; ``whole`` if that is all that they declare."""

    reading: Reading
    whole: bool


def foresee(host: Host, stages: Sequence[Stage]) -> Foresight:
    """Return what is read of a host for all stages.

    Raises:
        MoorError: two stages declare one resource with different content.
    """
    declared = list(_declared(host, stages))
    known = context_of(host).desired
    key = "", tuple((id(stage), id(resources)) for stage, resources in declared)
    if key not in known:
        known[key] = declared, _joined(declared)  # what is declared is kept, so that no other object has its ids
    found: Foresight = known[key][1]
    return found


def resources_ahead(host: Host, stages: Sequence[Stage]) -> Iterator[Resource]:
    """Yield the resources of a host that the stages declare, as far as they are known before the stages run."""
    for _, resources in _declared(host, stages):
        yield from resources or ()


def may_change(host: Host, stages: Sequence[Stage]) -> bool:
    """Return whether the stages may change something on a host, by what the run has read of it.

    What is not known before a stage runs, such as what only an API can tell, may change.
    """
    return foreseen_change(host, stages) is not False


def foreseen_change(host: Host, stages: Sequence[Stage]) -> bool | None:
    """Return whether the stages will change something on a host; None if reading alone does not tell."""
    seen = observation_of(host)
    if seen.same is not None:
        return not seen.same
    planned, is_known = set[str](), True
    holds = holds_in(seen.states.get(HELD_HERE.id), today())
    for stage, resources in _declared(host, stages):
        noted = [one for one in resources or () if one.is_noted]
        if stage.looks:
            continue
        if resources is None or seen.missing(resource.id for resource in noted):
            is_known = False
        elif any(not hold_of(holds, change) for change in plan(noted, seen.states, planned)):
            return True
    return False if is_known else None


def is_plannable(host: Host, stages: Sequence[Stage]) -> bool:
    """Return whether a plan of a host tells all that its stages would change: every task has ``desired``."""
    return all(stage.looks or desired for stage, desired in _known_stages(host, stages))


def stages_of(host: Host, stages: Sequence[Stage]) -> list[Stage]:
    """Return the stages that run on a host."""
    return [stage for stage, _ in _known_stages(host, stages)]


def _known_stages(host: Host, stages: Sequence[Stage]) -> list[tuple[Stage, Desired | None]]:
    """Return the stages that run on a host, each with its function ``desired``."""
    known, key = context_of(host).desired, ("stages", tuple(map(id, stages)))
    if key not in known:
        known[key] = Alike(lambda host: [(stage, stage.desired) for stage in stages if stage.runs_on(host)])
    found: list[tuple[Stage, Desired | None]] = known[key].of(host)
    return found


def _declared(host: Host, stages: Sequence[Stage]) -> Iterator[Declared]:
    for stage, desired in _known_stages(host, stages):
        try:
            yield stage, desired_ahead_of(host, desired) if desired else None
        except MoorError:
            yield stage, None


def _joined(declared: Iterable[Declared]) -> Foresight:
    found: dict[str, tuple[Probed, Stage]] = {}
    whole = True
    for stage, resources in declared:
        whole = whole and resources is not None
        for resource in resources or ():
            if not isinstance(resource, Probed):
                whole = False
                continue
            first, by = found.setdefault(resource.id, (resource, stage))
            if first != resource:
                raise MoorError(_declared_twice(resource.id, by, stage))
    read: list[Probed] = [resource for resource, _ in found.values()]
    return Foresight(Reading([*read, HELD_HERE] if read else ()), whole)


def _declared_twice(name: str, one: Stage, other: Stage) -> str:
    by = f"by {one.title} and by {other.title}" if one.task is not other.task else f"both times by {one.title}"
    return f"{name}: declared twice with different content, {by}; leave it to one of them"
