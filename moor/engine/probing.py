"""Reading the states of a host's resources in one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

from nornir.core.task import Task

from moor.engine.asking import Asking, Question, answer_by_shell
from moor.engine.reading import Reading
from moor.engine.script import FragmentOutput, new_mark, require_all, split_answers, split_output
from moor.errors import ErrorKind, HostError
from moor.resources.base import Probed, State
from moor.script_result import ScriptResult

PROBE_S = 120  # timeout of one probe script


@dataclass
class ProbeRound:
    """The resources to read in one round trip, and the host's answer.

    Attributes:
        resources: a Reading, or resources of this host alone.
        mark: separates the outputs of the probes.
        answer: None until the script has run.
    """

    resources: Sequence[Probed]
    mark: str = field(default_factory=new_mark)
    answer: ScriptResult | None = None

    @cached_property
    def reading(self) -> Reading:
        """Return the resources as a Reading."""
        return self.resources if isinstance(self.resources, Reading) else Reading(self.resources)

    @property
    def fragments(self) -> list[str]:
        """Return the probe of each resource as of now."""
        return [resource.probe() for resource in self.resources]

    @property
    def script(self) -> str:
        """Return the script that reads the resources now."""
        return self.reading.script(self.mark)

    def states(self, answer: ScriptResult) -> dict[str, State | None]:
        """Parse the states from an answer; raise HostError with every probe that failed."""
        outputs = split_output(answer.stdout, self.mark)
        if len(outputs) != len(self.resources) or any(code for _, code in outputs.values()):
            self._refuse(answer)
        return self.reading.states(outputs[number][0] for number in sorted(outputs))

    def _refuse(self, answer: ScriptResult) -> NoReturn:
        """Raise HostError with what failed."""
        pieces = require_all(split_answers(answer.stdout, answer.stderr, self.mark), len(self.resources), answer.stderr)
        failed = [
            failure_text(resource.id, piece, "reading")
            for resource, piece in zip(self.resources, pieces, strict=True)
            if piece.code
        ]
        raise HostError("\n".join(failed), ErrorKind.COMMAND)

    def known(self) -> dict[str, State | None]:
        """Return the states if all probes succeeded, else none; the next reading then reports the error."""
        try:
            return self.states(self.answer) if self.answer else {}
        except HostError:
            return {}


def probe(task: Task, resources: Sequence[Probed]) -> dict[str, State | None]:
    """Read resources in one round trip; raise HostError with every probe that failed."""
    return answer_by_shell(task, ask_states(resources))


def ask_states(resources: Sequence[Probed]) -> Asking[dict[str, State | None]]:
    """Read resources as a part of a task that announces what it asks; raise HostError with every probe that failed."""
    if not resources:
        return {}
    reading = ProbeRound(resources)
    answer = yield Question(reading.script, PROBE_S)
    return reading.states(answer)


def failure_text(name: str, piece: FragmentOutput, doing: str) -> str:
    """Return the error message of a fragment that failed."""
    words = piece.stderr.strip() or piece.stdout.strip()[-500:] or "it printed nothing"
    return f"{name}: {doing} failed (exit {piece.code}): {words[-2000:]}"
