"""A preview of the scripts that a run would send to each host, without sending those that change something."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from nornir.core import Nornir
from nornir.core.task import Result, Task

from moor.engine.converge import read_missing, split_chosen
from moor.engine.desired import desired_of
from moor.engine.held_changes import split_held
from moor.engine.holds import HELD_HERE
from moor.engine.mending import plan_scripts
from moor.engine.observation import Observation, begin_observation, end_observation, observation_of
from moor.engine.plan import Change, plan, printable
from moor.engine.probing import ProbeRound
from moor.engine.reading import Reading
from moor.errors import MoorError
from moor.resources.base import Later, Probed, Resource, Scripted
from moor.run.foresight import resources_ahead
from moor.run.reading import observe
from moor.run.report import error_of
from moor.run.runbook import Runbook, Stage
from moor.secrets.redaction import redact

SCHEMA = 1  # raised when a field of the JSON changes its meaning or goes
MARK = "moor-mark"  # a real run uses a random mark; a fixed one lets two previews be compared
HEADINGS = {
    "read": "reads, and changes nothing",
    "change": "would change {ids}",
    "call": "would change {ids}, by calls instead of a script",
    "later": "is not known beforehand: {why}",
    "error": "would stop: {why}",
}


@dataclass(frozen=True)
class PreviewStep:
    """One step of a run on a host: a script, or a note why there is none.

    Attributes:
        stage: the task; empty for the observation, which all stages share.
        does: the sort of step; ``HEADINGS`` describes each.
        resources: the ids of the resources that are read or changed.
        script: empty if there is none.
        why: why an apply would stop here, or why the script is not known yet.
    """

    stage: str
    does: Literal["read", "change", "call", "later", "error"]
    resources: tuple[str, ...] = ()
    script: str = ""
    why: str = ""


@dataclass(frozen=True)
class Preview:
    """The steps of a run on one host, or the error that prevented the preview."""

    steps: tuple[PreviewStep, ...] = ()
    error: str = ""

    @property
    def failed(self) -> bool:
        """Return whether an apply would fail, as far as that is known."""
        return bool(self.error) or any(step.does == "error" for step in self.steps)

    @property
    def differs(self) -> bool:
        """Return whether an apply would change something."""
        return any(step.does in ("change", "call", "later") for step in self.steps)


def preview_hosts(nr: Nornir, runbook: Runbook) -> dict[str, Preview]:
    """Read every host and return what the runbook would send to it; Nornir must be in a dry run."""
    results = nr.run(task=preview_host, name="read", stages=runbook.stages)
    return {
        name: Preview(error=error_of(result[0])) if result.failed else Preview(result[0].result)
        for name, result in results.items()
    }


def preview_host(task: Task, stages: Sequence[Stage]) -> Result:
    """Read one host and return a Result with the steps of an apply there, secrets masked."""
    here = [stage for stage in stages if stage.runs_on(task.host)]
    begin_observation(task.host)
    try:
        observe(task, here)
        seen = observation_of(task.host)
        steps = [_reading(task, here), *(step for stage in here for step in _of_stage(task, stage, seen))]
    finally:
        end_observation(task.host)
    return Result(host=task.host, result=tuple(steps))


def _reading(task: Task, stages: Sequence[Stage]) -> PreviewStep:
    """Return the step that reads the resources of all stages in one round trip."""
    asked = {one.id: one for one in resources_ahead(task.host, stages) if isinstance(one, Probed)}
    script = Reading([*asked.values(), HELD_HERE] if asked else ()).script(MARK)
    return PreviewStep("", "read", tuple(asked), _clean(script))


def _of_stage(task: Task, stage: Stage, seen: Observation) -> Iterator[PreviewStep]:
    if not stage.desired:
        yield PreviewStep(stage.name, "later", why="it decides in its turn")
        return
    try:
        resources = desired_of(task, stage.desired)
        read_missing(task, resources, seen)
        changes, _ = split_held(task, split_chosen(task, plan(resources, seen.states, seen.planned))[0])
        seen.planned.update(path for change in changes for path in change.resource.writes)
        yield from _refused(stage, changes) or _awaiting(stage, changes) or _steps(task, stage, resources, changes)
    except MoorError as error:
        yield PreviewStep(stage.name, "error", why=printable(str(error)))


def _refused(stage: Stage, changes: Sequence[Change]) -> list[PreviewStep]:
    """Return a step for each change that moor cannot make; if there is one, the stage changes nothing."""
    refusals = ((change, change.resource.refusal(change.actual, change.desired)) for change in changes)
    return [
        PreviewStep(stage.name, "error", (c.id,), why=printable(f"{c.id}: {words}")) for c, words in refusals if words
    ]


def _awaiting(stage: Stage, changes: Sequence[Change]) -> list[PreviewStep]:
    """Return one step if the stage's scripts need what an earlier step makes; empty if everything is known."""
    values = (value for c in changes if isinstance(c.resource, Scripted) for value in (c.desired or {}).values())
    made = dict.fromkeys(value.what for value in values if isinstance(value, Later))
    why = f"an earlier step makes {', '.join(made)}"
    return [PreviewStep(stage.name, "later", tuple(change.id for change in changes), why=why)] if made else []


def _steps(task: Task, stage: Stage, resources: Sequence[Resource], changes: Sequence[Change]) -> list[PreviewStep]:
    reading = ProbeRound([one for one in resources if isinstance(one, Probed)], MARK)
    return [
        PreviewStep(
            stage.name, "change" if one.script else "call", tuple(c.id for c in one.changes), _clean(one.script)
        )
        for one in plan_scripts(task, changes, reading, MARK)
    ]


def _clean(script: str) -> str:
    """Mask known secrets in a script, and what looks like a secret in files that moor does not own."""
    return "\n".join(redact(printable(script).split("\n")))


def format_text(found: Mapping[str, Preview]) -> str:
    """Format the previews as text: each script below a comment that describes it."""
    return "\n".join(line for name, preview in found.items() for line in _lines(name, preview))


def _lines(name: str, preview: Preview) -> Iterator[str]:
    if preview.error:
        yield _comment(f"{name}: {preview.error}")
    for step in preview.steps:
        head = HEADINGS[step.does].format(ids=", ".join(step.resources), why=step.why)
        yield _comment(f"{name}: {f'{step.stage} ' if step.stage else ''}{head}")
        if step.script:
            yield step.script
    if preview.steps and not (preview.differs or preview.failed):
        yield _comment(f"{name}: nothing to change")


def _comment(words: str) -> str:
    return "\n".join(f"# {line}" for line in words.split("\n"))


def format_json(found: Mapping[str, Preview]) -> str:
    """Format the previews as JSON."""
    return json.dumps({"schema": SCHEMA, "hosts": {name: asdict(one) for name, one in found.items()}}, indent=2)
