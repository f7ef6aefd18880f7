"""Bring one host to its desired state: read, plan, mend, read again."""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.task import Result, Task

from moor.context import context_of
from moor.engine.desired import Desired, desired_of
from moor.engine.former_state import split_former
from moor.engine.held_changes import split_held
from moor.engine.mending import mend
from moor.engine.observation import Observation, discard_observation, observation_of
from moor.engine.plain_errors import show_errors_plainly
from moor.engine.plan import Change, plan
from moor.engine.probing import ProbeRound, probe
from moor.engine.resource_list import listed
from moor.engine.results import Outcome, Status, report_outcomes
from moor.errors import ApiRefusal, ErrorKind, HostError, LockContention, MoorError
from moor.resources.base import Later, Probed, Remote, Required, Resource

NOT_MADE_REMEDY = "it is made on another host, which failed or which --limit leaves out; run moor apply with that host"
NOT_MENDED = "\ndoes something else change it too? look there, then apply again"
UNPLANNED = "it differs now and is not in the saved plan, so nothing of this stage is changed; plan again"
ROUNDS = 5  # more than the longest chain of changes that make further changes necessary


def converge(task: Task, wanted: Sequence[Resource] | Desired, former: Desired | None = None) -> Result:
    """Bring a host to its desired state, resource by resource in the given order; a dry run only plans.

    Args:
        wanted: what the host should hold, or the function that returns it.
        former: the function that returns what a host with the former values of its settings should hold, where
            ``wanted`` is no function.

    Returns:
        a Result that counts the changes; one sub-result a resource, with its diff, is in the task's MultiResult.

    Raises:
        HostError: a requirement is not met, a change failed, or the plan is not empty after mending.
    """
    show_errors_plainly(task)
    resources = listed(desired_of(task, wanted) if callable(wanted) else wanted)
    refuse_duplicates(resources)
    seen = observation_of(task.host)
    read_missing(task, resources, seen)
    chosen, as_formerly = split_former(task, wanted if callable(wanted) else former, resources, seen)
    beside = [outcome.change.resource for outcome in as_formerly if outcome.change.id not in listed(chosen).ids]
    resources = listed(chosen)
    changes, left = split_chosen(task, resources.plan(seen.states, seen.planned))
    refuse_unmet(task, resources, changes)
    changes, held = split_held(task, changes)
    held += as_formerly
    if task.is_dry_run():
        seen.planned.update(path for change in changes for path in change.resource.writes)
        shown = [*without(resources, left), *beside] if beside else without(resources, left)
        return report_outcomes(task, shown, [*(Outcome(change, "drift") for change in changes), *held])
    left_out = [*(Outcome(change, "skipped") for change in left), *held]
    outcomes = mend_all(task, resources, changes, left_out)
    return report_outcomes(task, [*resources, *beside] if beside else resources, outcomes)


def split_chosen(task: Task, changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """Return the changes that the run may make, and those that it leaves, since the command line leaves them out."""
    choice = context_of(task).choice
    if not choice:
        return list(changes), []
    may = [change for change in changes if choice.allows(change.id, isinstance(change.resource, Required))]
    return may, [change for change in changes if change not in may]


def without(resources: Sequence[Resource], left: Sequence[Change]) -> Sequence[Resource]:
    """Return the resources that a plan shows: neither as changes nor as they should be are those that it leaves out."""
    gone = {change.id for change in left}
    return [resource for resource in resources if resource.id not in gone] if gone else resources


def refuse_duplicates(resources: Sequence[Resource]) -> None:
    """Raise MoorError if two resources of one host have the same id, since each would undo the other's changes."""
    if twice := listed(resources).duplicates:
        raise MoorError(f"two resources of one host have the same id: {', '.join(twice)}")


def refuse_unmet(task: Task, resources: Sequence[Resource], changes: Sequence[Change]) -> None:
    """Raise HostError with all unmet requirements and all changes that moor cannot make, before it makes any."""
    planning = task.is_dry_run()
    other: Status = "drift" if planning else "skipped"
    outcomes = [
        Outcome(change, "failed", f"{change.id}: {words}", _kind(change)) if words else Outcome(change, other)
        for change in changes
        for words in (change.resource.refusal(change.actual, change.desired) or ("" if planning else _lacking(change)),)
    ]
    if unmet := [outcome.error for outcome in outcomes if outcome.error]:
        report_outcomes(task, resources, outcomes)
        raise HostError("\n".join(unmet), next(outcome.kind for outcome in outcomes if outcome.error))


def refuse_unapproved(task: Task, changes: Sequence[Change], done: dict[str, Outcome]) -> None:
    """Raise HostError if the run makes a saved plan and a change is not in it, before any of the changes is made."""
    approved = context_of(task).approved if changes else None
    if approved is None:
        return
    planned = approved.get(task.host.name, frozenset())
    extra = [Outcome(c, "failed", f"{c.id}: {UNPLANNED}", ErrorKind.CONFLICT) for c in changes if c.id not in planned]
    done.update({outcome.change.id: outcome for outcome in extra})
    if extra:
        raise HostError("\n".join(outcome.error for outcome in extra), ErrorKind.CONFLICT)


def _kind(change: Change) -> ErrorKind:
    return change.resource.error_kind if isinstance(change.resource, Required) else ErrorKind.UNMET


def _lacking(change: Change) -> str:
    """Return what is still missing for a change that an earlier stage should have made; empty if nothing is.

    Only resources that are read by script are checked: an API's resource may make it itself.
    """
    values = (change.desired or {}).values() if isinstance(change.resource, Probed) else ()
    missing = [value.what for value in values if isinstance(value, Later)]
    return f"{', '.join(missing)}: not made yet; {NOT_MADE_REMEDY}" if missing else ""


def read_missing(task: Task, resources: Sequence[Resource], seen: Observation) -> None:
    """Read the resources that were not read yet: by one script, then by API calls, whose refusals are raised as one."""
    unread = set(seen.missing(listed(resources).ids))
    if not unread:
        return
    probed = [r for r in resources if r.id in unread and isinstance(r, Probed)]
    seen.states.update(probe(task, probed))
    refused: list[ApiRefusal] = []
    for resource in resources:
        if resource.id in unread and isinstance(resource, Remote):
            try:
                seen.states[resource.id] = resource.read(task)
            except ApiRefusal as error:
                refused.append(error)
    if refused:
        raise ApiRefusal("\n".join(map(str, refused)), refused[0].kind)


def mend_all(
    task: Task, resources: Sequence[Resource], changes: list[Change], left_out: Sequence[Outcome] = ()
) -> list[Outcome]:
    """Mend until no change is left, and return all outcomes; raise HostError if a round leaves as many as before.

    Args:
        left_out: the outcomes of the changes that are not made.
    """
    done = {outcome.change.id: outcome for outcome in left_out}
    try:
        _mend_rounds(task, resources, changes, done)
    except Exception:  # whatever the error, the report has to show what was changed before it
        report_outcomes(task, resources, list(done.values()))
        raise
    return list(done.values())


def _mend_rounds(task: Task, resources: Sequence[Resource], changes: list[Change], done: dict[str, Outcome]) -> None:
    """Mend, read and plan again until no change is left; ``done`` collects the outcome of each change."""
    for _ in range(ROUNDS):
        if not changes:
            return
        done.update({change.id: Outcome(change, "skipped") for change in changes if change.id not in done})
        refuse_unapproved(task, changes, done)
        discard_observation(task.host)
        reading = ProbeRound([resource for resource in resources if isinstance(resource, Probed)])
        waited = _mend_round(task, changes, done, reading)
        seen = observation_of(task.host)
        seen.states.update(reading.known())
        read_missing(task, resources, seen)
        former, (changes, _) = changes, split_held(task, split_chosen(task, plan(resources, seen.states))[0])
        if not waited and is_stuck(former, changes):
            break
    left = [
        Outcome(c, "failed", f"{c.id}: still not as it should be after mending: {c.diff}{NOT_MENDED}", ErrorKind.UNMET)
        for c in changes
    ]
    done.update({outcome.change.id: outcome for outcome in left})
    if left:
        raise HostError("\n".join(outcome.error for outcome in left), ErrorKind.UNMET)


def _mend_round(task: Task, changes: Sequence[Change], done: dict[str, Outcome], reading: ProbeRound) -> bool:
    """Mend once; return whether another run held the lock first, since it may have made the same changes."""
    try:
        for outcome in mend(task, changes, reading):
            done[outcome.change.id] = outcome
            if outcome.error:
                raise HostError(outcome.error, outcome.kind)
    except LockContention:
        for change in changes:
            if done[change.id].status == "skipped":
                del done[change.id]
        return True
    return False


def is_stuck(former: Sequence[Change], left: Sequence[Change]) -> bool:
    """Return whether a round got no further: it left as many changes, and some of the same."""
    return len(left) >= len(former) and not {change.id for change in left}.isdisjoint(change.id for change in former)
