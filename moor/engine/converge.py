"""Bring one host to its desired state: read, plan, mend, read again."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nornir.core.task import Result, Task

from moor.connections.shell import Answer, CutOff, Shell
from moor.engine.exclusive import Waited, run_exclusive
from moor.engine.observation import Observation, forget, observation_of
from moor.engine.plan import Change, plan
from moor.engine.results import Outcome, Status, report, run_of
from moor.engine.script import Piece, answers, complete, new_mark, probe_script
from moor.errors import HostError, MoorError, of_this_machine
from moor.resources.base import Probed, Remote, Required, Resource, Scripted, State, Streamed

PROBE_S = 120  # the bound of one probe script
KINDS = "moor_kinds"  # in Nornir's user_defined: the kinds that a run may change; all where it is not there
ROUNDS = 5  # more rounds than kinds of staleness that follow from one another


def converge(task: Task, resources: Sequence[Resource]) -> Result:
    """Make the host hold ``resources``, in their order; a dry run only plans.

    Gives   a Result whose ``changed`` and ``diff`` sum up; one sub-result a resource in the task's MultiResult.
    Raises  HostError: a requirement is not met, a change failed, or the plan does not become empty.
    """
    distinct(resources)
    seen = observation_of(task.host)
    read(task, resources, seen)
    changes, left = permitted(task, plan(resources, seen.states, seen.planned))
    refuse(task, resources, changes)
    if task.is_dry_run():
        seen.planned.update(path for change in changes for path in change.resource.writes)
        return report(task, resources, [Outcome(change, "drift") for change in changes])
    return report(task, resources, [*mend_all(task, resources, changes), *(Outcome(c, "skipped") for c in left)])


def permitted(task: Task, changes: Sequence[Change]) -> tuple[list[Change], list[Change]]:
    """Part what a run may change from what it may not; only a run that mends drift by itself is held to some kinds."""
    kinds = task.nornir.config.user_defined.get(KINDS)
    may = [c for c in changes if not kinds or isinstance(c.resource, Required) or kind_of(c.id) in kinds]
    return may, [change for change in changes if change not in may]


def kind_of(resource: str) -> str:
    """Give the kind of a resource, such as ``file``, by its id."""
    return resource.partition(":")[0]


def distinct(resources: Sequence[Resource]) -> None:
    """Raise MoorError where two resources of one host share an id: they would fight."""
    ids = [resource.id for resource in resources]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise MoorError(f"two resources of one host have the same id: {', '.join(twice)}")


def refuse(task: Task, resources: Sequence[Resource], changes: Sequence[Change]) -> None:
    """Raise HostError with every requirement that is not met, before anything is changed."""
    other: Status = "drift" if task.is_dry_run() else "skipped"
    outcomes = [
        Outcome(change, "failed", f"{change.id}: {change.resource.remedy(change.actual)}")
        if isinstance(change.resource, Required)
        else Outcome(change, other)
        for change in changes
    ]
    if unmet := [outcome.error for outcome in outcomes if outcome.error]:
        report(task, resources, outcomes)
        raise HostError("\n".join(unmet))


def read(task: Task, resources: Sequence[Resource], seen: Observation) -> None:
    """Read what was not read yet: all fragments in one round trip, then the APIs."""
    unread = set(seen.missing(resource.id for resource in resources))
    probed = [r for r in resources if r.id in unread and isinstance(r, Probed)]
    seen.states.update(probe(task, probed))
    seen.states.update({r.id: r.read(task) for r in resources if r.id in unread and isinstance(r, Remote)})


def probe(task: Task, resources: Sequence[Probed]) -> dict[str, State | None]:
    """Read resources in one round trip; raises HostError with every fragment that failed."""
    if not resources:
        return {}
    mark = new_mark()
    answer = shell_of(task).run(probe_script([r.probe() for r in resources], mark), PROBE_S)
    pieces = complete(answers(answer.stdout, answer.stderr, mark), len(resources), answer.stderr)
    pairs = list(zip(resources, pieces, strict=True))
    failed = [_said(r.id, piece, "reading") for r, piece in pairs if piece.code]
    if failed:
        raise HostError("\n".join(failed))
    return {r.id: shared(r.actual(piece.stdout)) for r, piece in pairs}


def shared(state: State | None) -> State | None:
    """Give a state whose long texts are those of other hosts where they are equal: most hosts hold the same files."""
    if state is None:
        return None
    return {name: sys.intern(value) if type(value) is str else value for name, value in state.items()}


def mend_all(task: Task, resources: Sequence[Resource], changes: list[Change]) -> list[Outcome]:
    """Mend until nothing is left to change; raises HostError where a round leaves as much as it found."""
    done: dict[str, Outcome] = {}
    try:
        _mend_rounds(task, resources, changes, done)
    except Exception:  # whatever ended it, what was done by then is told
        report(task, resources, list(done.values()))
        raise
    return list(done.values())


def _mend_rounds(task: Task, resources: Sequence[Resource], changes: list[Change], done: dict[str, Outcome]) -> None:
    """Mend, read again and plan anew, keeping in ``done`` what became of each change so far."""
    for _ in range(ROUNDS):
        if not changes:
            return
        done.update({change.id: Outcome(change, "skipped") for change in changes if change.id not in done})
        forget(task.host)
        waited = _mend_round(task, changes, done)
        seen = observation_of(task.host)
        read(task, resources, seen)
        former, (changes, _) = changes, permitted(task, plan(resources, seen.states))
        if not waited and stuck(former, changes):
            break
    left = [Outcome(c, "failed", f"{c.id}: still not as it should be after mending: {c.diff}") for c in changes]
    done.update({outcome.change.id: outcome for outcome in left})
    if left:
        raise HostError("\n".join(outcome.error for outcome in left))


def _mend_round(task: Task, changes: Sequence[Change], done: dict[str, Outcome]) -> bool:
    """Mend once; say whether it had to wait for another run, which may have done what was to do."""
    try:
        for outcome in mend(task, changes):
            done[outcome.change.id] = outcome
            if outcome.error:
                raise HostError(outcome.error)
    except Waited:
        for change in changes:
            if done[change.id].status == "skipped":
                del done[change.id]
        return True
    return False


def stuck(former: Sequence[Change], left: Sequence[Change]) -> bool:
    """Say whether a round was in vain; changes that only now came to light are no sign of that."""
    return len(left) >= len(former) and not {change.id for change in left}.isdisjoint(change.id for change in former)


def mend(task: Task, changes: Sequence[Change]) -> Iterator[Outcome]:
    """Mend in order, neighbours that are fragments in one script; the first failure is the last outcome."""
    for stretch in stretches(changes):
        called = (_mend_by_call(task, change) for change in stretch.changes)
        scripted = isinstance(stretch.changes[0].resource, Scripted)
        for outcome in _mend_by_script(task, brought_up_to_date(task, stretch)) if scripted else called:
            yield outcome
            if outcome.error:
                return


@dataclass
class Stretch:
    """Neighbouring changes that are mended together; ``late`` where the first must be read again before."""

    changes: list[Change]
    late: bool


def stretches(changes: Sequence[Change]) -> list[Stretch]:
    """Part the changes into stretches of one kind; one that builds on an earlier change begins a stretch."""
    parts: list[Stretch] = []
    written: set[str] = set()
    for change in changes:
        scripted = isinstance(change.resource, Scripted)
        late = isinstance(change.resource, Scripted) and (
            change.resource.late or not written.isdisjoint(change.resource.writes)
        )
        if not parts or late or scripted != isinstance(parts[-1].changes[0].resource, Scripted):
            parts.append(Stretch([], late))
        parts[-1].changes.append(change)
        written.update(change.resource.writes)
    return parts


def brought_up_to_date(task: Task, stretch: Stretch) -> list[Change]:
    """Give the changes of a stretch, the first with what the host holds by now where it is late."""
    first = stretch.changes[0]
    if not (stretch.late and isinstance(first.resource, Probed)):
        return stretch.changes
    return [replace(first, actual=probe(task, [first.resource])[first.id]), *stretch.changes[1:]]


def _mend_by_script(task: Task, changes: list[Change]) -> Iterator[Outcome]:
    pairs, impossible = _fragments(changes)
    if pairs:
        yield from _run_fragments(task, pairs)
    if impossible:
        yield impossible


def _fragments(changes: Sequence[Change]) -> tuple[list[tuple[Change, str]], Outcome | None]:
    """Give the changes with their fragments, up to the first that has none, whose failure comes second."""
    pairs: list[tuple[Change, str]] = []
    for change in changes:
        if isinstance(change.resource, Scripted):
            try:
                pairs.append((change, change.resource.mend(change.actual)))
            except MoorError as error:
                return pairs, _refused(change, error)
    return pairs, None


def _run_fragments(task: Task, pairs: Sequence[tuple[Change, str]]) -> Iterator[Outcome]:
    mark = new_mark()
    fragments, bound_s = [fragment for _, fragment in pairs], sum(change.resource.bound_s for change, _ in pairs)
    try:
        answer = run_exclusive(shell_of(task), fragments, mark, run_of(task), bound_s)
    except CutOff as error:
        ended = list(_ended(pairs, error.heard, mark))
        yield from ended
        if len(ended) < len(pairs):
            change = pairs[len(ended)][0]
            yield Outcome(change, "failed", f"{change.id}: nobody knows whether it was done: {error}")
        return
    ended = list(_ended(pairs, answer, mark))
    yield from ended
    if len(ended) < len(pairs) and not (ended and ended[-1].error):
        complete(answers(answer.stdout, answer.stderr, mark), len(pairs), answer.stderr)


def _ended(pairs: Sequence[tuple[Change, str]], answer: Answer, mark: str) -> Iterator[Outcome]:
    """Say what became of each change whose fragment came to an end."""
    for (change, _), piece in zip(pairs, answers(answer.stdout, answer.stderr, mark), strict=False):
        error = _said(change.id, piece, "mending") if piece.code else ""
        yield Outcome(change, "failed" if error else "changed", error)


def _mend_by_call(task: Task, change: Change) -> Outcome:
    resource = change.resource
    if not isinstance(resource, Streamed | Remote):
        raise MoorError(f"{change.id}: nothing can mend it")
    try:
        resource.write(task, change.actual)
    except Waited:
        raise
    except MoorError as error:
        return _refused(change, error)
    except OSError as error:
        if words := of_this_machine(error):
            return _refused(change, HostError(words))
        raise
    return Outcome(change, "changed")


def _refused(change: Change, error: MoorError) -> Outcome:
    words = str(error)
    return Outcome(change, "failed", words if words.startswith(f"{change.id}: ") else f"{change.id}: {words}")


def shell_of(task: Task) -> Shell:
    """Give the host's open session, opened at the first use."""
    shell: Shell = task.host.get_connection("shell", task.nornir.config)
    return shell


def _said(name: str, piece: Piece, doing: str) -> str:
    words = piece.stderr.strip() or piece.stdout.strip()[-500:] or "it said nothing"
    return f"{name}: {doing} failed (exit {piece.code}): {words[-2000:]}"
