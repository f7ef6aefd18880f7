"""Making changes on a host: consecutive fragments in one script under the host lock, other changes by API calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nornir.core.task import Task

from moor.context import context_of
from moor.engine.asking import shell_of
from moor.engine.locking import run_under_lock
from moor.engine.plan import Change
from moor.engine.probing import ProbeRound, failure_text, probe
from moor.engine.results import Outcome
from moor.engine.script import apply_script, new_mark, require_all, split_answers
from moor.errors import ErrorKind, HostError, LockContention, MoorError, ScriptCutShort, controller_error_text
from moor.resources.base import Probed, Remote, Scripted, Streamed
from moor.script_result import ScriptResult


def mend(task: Task, changes: Sequence[Change], reading: ProbeRound) -> Iterator[Outcome]:
    """Make the changes in order, consecutive fragments in one script; stop after the first failure.

    Args:
        reading: the probes to run after the last script; it gets no answer if the last change is an API call.
    """
    groups = group_changes(changes)
    for group in groups:
        called = (_mend_by_call(task, change) for change in group.changes)
        scripted = isinstance(group.changes[0].resource, Scripted)
        then = reading if group is groups[-1] else None
        for outcome in _mend_by_script(task, reread_first(task, group), then) if scripted else called:
            yield outcome
            if outcome.error:
                return


def plan_scripts(task: Task, changes: Sequence[Change], reading: ProbeRound, mark: str) -> Iterator[PlannedScript]:
    """Yield the scripts and calls that mending would make, in order, without making them.

    Args:
        task: the task of the host.
        changes: the plan.
        reading: the probes to run after the last script.
        mark: separates the outputs of fragments; a real run uses a random one for each script.

    Raises:
        MoorError: a change cannot be written as a fragment.
    """
    groups = group_changes(changes)
    for group in groups:
        if not isinstance(group.changes[0].resource, Scripted):
            yield from (PlannedScript((change,), "") for change in group.changes)
            continue
        fragments = [c.resource.mend(c.actual) for c in group.changes if isinstance(c.resource, Scripted)]
        then = reading.fragments if group is groups[-1] else ()
        yield PlannedScript(
            tuple(group.changes), apply_script(fragments, mark, context_of(task).run, then, reading.mark)
        )


@dataclass(frozen=True)
class PlannedScript:
    """Changes that are made together, and the script that makes them; empty if they are made by an API call."""

    changes: tuple[Change, ...]
    script: str


@dataclass
class ChangeGroup:
    """Consecutive changes that are made together; ``late`` if the first one must be read again before."""

    changes: list[Change]
    late: bool


def group_changes(changes: Sequence[Change]) -> list[ChangeGroup]:
    """Split the changes into groups of scripts or of API calls; one that builds on an earlier change begins a group."""
    groups: list[ChangeGroup] = []
    written: set[str] = set()
    for change in changes:
        scripted = isinstance(change.resource, Scripted)
        late = isinstance(change.resource, Scripted) and (
            change.resource.late or not written.isdisjoint(change.resource.writes)
        )
        if not groups or late or scripted != isinstance(groups[-1].changes[0].resource, Scripted):
            groups.append(ChangeGroup([], late))
        groups[-1].changes.append(change)
        written.update(change.resource.writes)
    return groups


def reread_first(task: Task, group: ChangeGroup) -> list[Change]:
    """Return the group's changes; if the group is late, the first with its resource's current state."""
    first = group.changes[0]
    if not (group.late and isinstance(first.resource, Probed)):
        return group.changes
    return [replace(first, actual=probe(task, [first.resource])[first.id]), *group.changes[1:]]


def _mend_by_script(task: Task, changes: list[Change], reading: ProbeRound | None) -> Iterator[Outcome]:
    pairs, impossible = _fragments(changes)
    if pairs:
        yield from _run_fragments(task, pairs, reading)
    if impossible:
        yield impossible


def _fragments(changes: Sequence[Change]) -> tuple[list[tuple[Change, str]], Outcome | None]:
    """Return the changes with their fragments, up to the first that cannot be made; its failure is the second value."""
    pairs: list[tuple[Change, str]] = []
    for change in changes:
        if isinstance(change.resource, Scripted):
            try:
                pairs.append((change, change.resource.mend(change.actual)))
            except MoorError as error:
                return pairs, _refused(change, error)
    return pairs, None


def _run_fragments(task: Task, pairs: Sequence[tuple[Change, str]], reading: ProbeRound | None) -> Iterator[Outcome]:
    mark = new_mark()
    fragments, bound_s = [fragment for _, fragment in pairs], sum(change.resource.bound_s for change, _ in pairs)
    try:
        answer = run_under_lock(shell_of(task), fragments, mark, context_of(task).run, bound_s, reading)
    except ScriptCutShort as error:
        ended = list(_outcomes(pairs, error.heard or ScriptResult(b"", b"", -1), mark))
        yield from ended
        if len(ended) < len(pairs):
            change = pairs[len(ended)][0]
            yield Outcome(change, "failed", f"{change.id}: it is unknown whether it was done: {error}", error.kind)
        return
    if reading:
        reading.answer = answer
    ended = list(_outcomes(pairs, answer, mark))
    yield from ended
    if len(ended) < len(pairs) and not (ended and ended[-1].error):
        require_all(split_answers(answer.stdout, answer.stderr, mark), len(pairs), answer.stderr)


def _outcomes(pairs: Sequence[tuple[Change, str]], answer: ScriptResult, mark: str) -> Iterator[Outcome]:
    """Yield the outcome of each change whose fragment has ended."""
    for (change, _), piece in zip(pairs, split_answers(answer.stdout, answer.stderr, mark), strict=False):
        error = failure_text(change.id, piece, "mending") if piece.code else ""
        yield Outcome(change, "failed", error, ErrorKind.COMMAND) if error else Outcome(change, "changed")


def _mend_by_call(task: Task, change: Change) -> Outcome:
    resource = change.resource
    if not isinstance(resource, Streamed | Remote):
        raise MoorError(f"{change.id}: it has no method that mends it")
    try:
        resource.write(task, change.actual)
    except LockContention:
        raise
    except MoorError as error:
        return _refused(change, error)
    except OSError as error:
        if words := controller_error_text(error):
            return _refused(change, HostError(words, ErrorKind.CONTROLLER))
        raise
    return Outcome(change, "changed")


def _refused(change: Change, error: MoorError) -> Outcome:
    words = str(error)
    error_text = words if words.startswith(f"{change.id}: ") else f"{change.id}: {words}"
    return Outcome(change, "failed", error_text, error.kind)
