"""Resources that are as they were to be formerly, where that is right too until a day."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from nornir.core.task import Task

from moor.context import context_of
from moor.engine.desired import Desired
from moor.engine.observation import Observation
from moor.engine.plan import plan
from moor.engine.probing import probe
from moor.engine.resource_list import listed
from moor.engine.results import Outcome
from moor.errors import MoorError
from moor.resources.base import Probed, Remote, Resource, State
from moor.settings.former import former_host, words_of

CHECKS = ("drift", "mend")  # the commands of a drift check, and of what ``moor drift --apply`` mends


def split_former(
    task: Task, former: Desired | None, resources: Sequence[Resource], seen: Observation
) -> tuple[Sequence[Resource], list[Outcome]]:
    """Return the resources with the former ones where these are right, and the outcomes of those.

    What is absent, and what the former values do not ask for, is right too, and is left out. Only a drift check and its
    mending take former values for right: a plan shows the way to the present ones, and an apply goes it.

    Args:
        former: what is wanted of a host; if there is no such function, nothing can be said of former values.
        resources: what is wanted of the host now.
        seen: has all of their states.
    """
    context, twin = context_of(task), former_host(task.host)
    if twin is None or former is None or not (context.examining or context.command in CHECKS):
        return resources, []
    if not (changes := plan(resources, seen.states, seen.planned)):
        return resources, []
    try:
        known = {one.id: one for one in former(twin)}
    except MoorError:
        return resources, []  # with the former values alone it could not be made
    states = _read(task, [known[change.id] for change in changes if change.id in known])
    right = {name: known[name] for name in states if not plan([known[name]], states)}
    seen.states.update({name: states[name] for name in right})
    unknown = {change.id for change in changes if change.id not in known and change.resource.is_absent(change.actual)}
    chosen = listed([right.get(one.id, one) for one in resources if one.id not in unknown])
    left = {change.id for change in plan(chosen, seen.states, seen.planned)}
    words = words_of(task.host)
    return chosen, [Outcome(change, "held", held=words) for change in changes if change.id not in left]


def _read(task: Task, resources: Sequence[Resource]) -> dict[str, State | None]:
    """Return the states of resources by id, in one more round trip; what an API refuses to tell is left out."""
    probed = [one for one in resources if isinstance(one, Probed)]
    states = dict(probe(task, probed)) if probed else {}
    for one in resources:
        if isinstance(one, Remote):
            with suppress(MoorError):
                states[one.id] = one.read(task)
    return states
