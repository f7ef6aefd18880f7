"""Resources that are as they were to be formerly, where that is right too until a day."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.task import Task

from moor.context import context_of
from moor.engine.desired import Desired
from moor.engine.observation import Observation
from moor.engine.plan import plan
from moor.engine.probing import probe
from moor.engine.resource_list import listed
from moor.engine.results import Outcome
from moor.errors import MoorError
from moor.resources.base import Probed, Resource
from moor.settings.former import former_host, words_of

CHECKS = ("drift", "mend")  # the commands of a drift check, and of what ``moor drift --apply`` mends


def split_former(
    task: Task, wanted: Sequence[Resource] | Desired, resources: Sequence[Resource], seen: Observation
) -> tuple[Sequence[Resource], list[Outcome]]:
    """Return the resources with the former ones where these are right, and the outcomes of those.

    Only a drift check and its mending take former values for right: a plan shows the way to the present ones, and an
    apply goes it.

    Args:
        wanted: what the task wants of its host; if that is no function, nothing can be said of former values.
        resources: what ``wanted`` is of the host now.
        seen: has all of their states.
    """
    context, twin = context_of(task), former_host(task.host)
    if twin is None or not callable(wanted) or not (context.examining or context.command in CHECKS):
        return resources, []
    try:
        former = {one.id: one for one in wanted(twin) if isinstance(one, Probed)}
    except MoorError:
        return resources, []  # with the former values alone it could not be made
    changes = plan(resources, seen.states, seen.planned)
    read = [former[change.id] for change in changes if change.id in former]
    states = probe(task, read) if read else {}  # one more round trip, only where something differs
    right = {one.id: one for one in read if not plan([one], states)}
    seen.states.update({name: states[name] for name in right})
    chosen = listed([right.get(one.id, one) for one in resources])
    left = {change.id for change in plan(chosen, seen.states, seen.planned)}
    words = words_of(task.host)
    return chosen, [Outcome(change, "held", held=words) for change in changes if change.id not in left]
