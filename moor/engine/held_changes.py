"""Changes that wait, since a hold covers them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nornir.core.task import Task

from moor.connections.names import SHELL, connection_of
from moor.context import context_of
from moor.engine.holds import HELD_HERE, Hold, holds_in, today
from moor.engine.observation import current_observation
from moor.engine.plan import Change
from moor.engine.probing import probe
from moor.engine.results import Outcome
from moor.errors import ErrorKind, HostError
from moor.resources.base import Probed, Required


def hold_of(holds: Iterable[Hold], change: Change) -> Hold | None:
    """Return the hold that covers a change; None for what is not on the host itself."""
    if not isinstance(change.resource, Probed) or isinstance(change.resource, Required):
        return None
    return next((hold for hold in holds if hold.covers(change.id)), None)


def split_held(task: Task, changes: Sequence[Change]) -> tuple[list[Change], list[Outcome]]:
    """Return the changes that no hold covers, and the outcomes of the others.

    Raises:
        HostError: the run replaces a certificate or a login, which it must not do past a host that stays behind
    """
    holds = _holds_on(task) if any(isinstance(change.resource, Probed) for change in changes) else ()
    held = [Outcome(change, "held", held=str(hold)) for change in changes if (hold := hold_of(holds, change))]
    if held and context_of(task).replaced and not task.is_dry_run():
        words = "; ".join(f"{one.change.id} is held: {one.held}" for one in held)
        raise HostError(f"{words}; what is replaced must be so everywhere: moor release it first", ErrorKind.CONFLICT)
    left = {outcome.change.id for outcome in held}
    return [change for change in changes if change.id not in left], held


def _holds_on(task: Task) -> tuple[Hold, ...]:
    """Return the holds of the task's host, which the run has read with everything else, or reads now."""
    seen = current_observation(task.host)
    if seen is None or connection_of(task.host) != SHELL:
        return ()
    if seen.holds is None:
        known = seen.states if HELD_HERE.id in seen.states else probe(task, [HELD_HERE])
        seen.holds = holds_in(known[HELD_HERE.id], today())
    return seen.holds
