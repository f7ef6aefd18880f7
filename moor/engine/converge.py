"""Bring one host to its desired state: read, plan, mend, read again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from nornir.core.task import Result, Task

from moor.connections.shell import Shell
from moor.engine.observation import Observation, forget, observation_of
from moor.engine.plan import Change, plan
from moor.engine.prelude import BUSY
from moor.engine.results import Outcome, Status, report, run_of
from moor.engine.script import Piece, answers, apply_script, complete, new_mark, probe_script
from moor.errors import HostError, MoorError
from moor.resources.base import Probed, Remote, Required, Resource, Scripted, State, Streamed

PROBE_S = 120  # the bound of one probe script
ROUNDS = 5  # more rounds than kinds of staleness that follow from one another


def converge(task: Task, resources: Sequence[Resource]) -> Result:
    """Make the host hold ``resources``, in their order; a dry run only plans.

    Gives   a Result whose ``changed`` and ``diff`` sum up; one sub-result a resource in the task's MultiResult.
    Raises  HostError: a requirement is not met, a change failed, or the plan does not become empty.
    """
    distinct(resources)
    seen = observation_of(task.host)
    read(task, resources, seen)
    changes = plan(resources, seen.states, seen.planned)
    refuse(task, resources, changes)
    if task.is_dry_run():
        seen.planned.update(path for change in changes for path in change.resource.writes)
        return report(task, resources, [Outcome(change, "drift") for change in changes])
    return report(task, resources, mend_all(task, resources, changes))


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
    return {r.id: r.actual(piece.stdout) for r, piece in pairs}


def mend_all(task: Task, resources: Sequence[Resource], changes: list[Change]) -> list[Outcome]:
    """Mend until nothing is left to change; raises HostError where a round leaves as much as it found."""
    done: dict[str, Outcome] = {}
    for _ in range(ROUNDS):
        if not changes:
            break
        forget(task.host)
        for outcome in mend(task, changes):
            done[outcome.change.id] = outcome
            if outcome.error:
                report(task, resources, list(done.values()), skipped=_after(changes, outcome))
                raise HostError(outcome.error)
        seen = observation_of(task.host)
        read(task, resources, seen)
        left = plan(resources, seen.states)
        if len(left) >= len(changes):
            break
        changes = left
    else:
        left = changes
    if changes and left:
        raise HostError("\n".join(f"{c.id}: still not as it should be after mending: {c.diff}" for c in left))
    return list(done.values())


def _after(changes: Sequence[Change], failed: Outcome) -> list[Change]:
    ids = [change.id for change in changes]
    return list(changes[ids.index(failed.change.id) + 1 :])


def mend(task: Task, changes: Sequence[Change]) -> Iterator[Outcome]:
    """Mend in order, neighbours that are fragments in one script; the first failure is the last outcome."""
    for group in stretches(changes):
        called = (_mend_by_call(task, change) for change in group)
        scripted = isinstance(group[0].resource, Scripted)
        for outcome in _mend_by_script(task, read_late(task, group)) if scripted else called:
            yield outcome
            if outcome.error:
                return


def stretches(changes: Sequence[Change]) -> list[list[Change]]:
    """Part the changes into stretches of one kind; what is late begins one, since it is read again first."""
    parts: list[list[Change]] = []
    for change in changes:
        scripted = isinstance(change.resource, Scripted)
        if not parts or scripted != isinstance(parts[-1][0].resource, Scripted) or is_late(change):
            parts.append([])
        parts[-1].append(change)
    return parts


def is_late(change: Change) -> bool:
    """Say whether the change can be made only from what an earlier one brings."""
    return isinstance(change.resource, Scripted) and change.resource.late


def read_late(task: Task, changes: list[Change]) -> list[Change]:
    """Give the changes of a stretch with what the host holds by now where they begin with a late one."""
    first = changes[0].resource
    if not (is_late(changes[0]) and isinstance(first, Probed)):
        return changes
    return [replace(changes[0], actual=probe(task, [first])[first.id]), *changes[1:]]


def _mend_by_script(task: Task, changes: list[Change]) -> Iterator[Outcome]:
    mark = new_mark()
    pairs = [(c, c.resource.mend(c.actual)) for c in changes if isinstance(c.resource, Scripted)]
    script = apply_script([fragment for _, fragment in pairs], mark, run_of(task))
    answer = shell_of(task).run(script, sum(c.resource.bound_s for c in changes))
    if answer.code == BUSY:
        raise HostError(f"{answer.stderr.decode('utf-8', 'replace').strip()}; wait for it, then run again")
    pieces = answers(answer.stdout, answer.stderr, mark)
    for (change, _), piece in zip(pairs, pieces, strict=False):
        yield Outcome(
            change, "failed" if piece.code else "changed", _said(change.id, piece, "mending") if piece.code else ""
        )
    if len(pieces) < len(pairs) and not (pieces and pieces[-1].code):
        complete(pieces, len(pairs), answer.stderr)


def _mend_by_call(task: Task, change: Change) -> Outcome:
    resource = change.resource
    if not isinstance(resource, Streamed | Remote):
        raise MoorError(f"{change.id}: nothing can mend it")
    try:
        resource.write(task, change.actual)
    except HostError as error:
        return Outcome(change, "failed", f"{change.id}: {error}")
    return Outcome(change, "changed")


def shell_of(task: Task) -> Shell:
    """Give the host's open session, opened at the first use."""
    shell: Shell = task.host.get_connection("shell", task.nornir.config)
    return shell


def _said(name: str, piece: Piece, doing: str) -> str:
    words = piece.stderr.strip() or piece.stdout.strip()[-500:] or "it said nothing"
    return f"{name}: {doing} failed (exit {piece.code}): {words[-2000:]}"
