"""Reading the states of a host's resources in one round trip."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from nornir.core.task import Task

from moor.connections.ssh.shell import Shell
from moor.engine.script import FragmentOutput, new_mark, probe_script, require_all, split_answers
from moor.errors import ErrorKind, HostError
from moor.resources.base import Probed, State
from moor.script_result import ScriptResult

PROBE_S = 120  # timeout of one probe script


@dataclass
class ProbeRound:
    """The resources to read in one round trip, and the host's answer.

    Attributes:
        mark: separates the outputs of the probes.
        answer: None until the script has run.
    """

    resources: Sequence[Probed]
    mark: str = field(default_factory=new_mark)
    answer: ScriptResult | None = None

    @property
    def fragments(self) -> list[str]:
        """Return the probe of each resource."""
        return [resource.probe() for resource in self.resources]

    def states(self, answer: ScriptResult) -> dict[str, State | None]:
        """Parse the states from an answer; raise HostError with every probe that failed."""
        pieces = require_all(split_answers(answer.stdout, answer.stderr, self.mark), len(self.resources), answer.stderr)
        pairs = list(zip(self.resources, pieces, strict=True))
        failed = [failure_text(r.id, piece, "reading") for r, piece in pairs if piece.code]
        if failed:
            raise HostError("\n".join(failed), ErrorKind.COMMAND)
        return {r.id: intern_texts(r.actual(piece.stdout)) for r, piece in pairs}

    def known(self) -> dict[str, State | None]:
        """Return the states if all probes succeeded, else none; the next reading then reports the error."""
        try:
            return self.states(self.answer) if self.answer else {}
        except HostError:
            return {}


def probe(task: Task, resources: Sequence[Probed]) -> dict[str, State | None]:
    """Read resources in one round trip; raise HostError with every probe that failed."""
    if not resources:
        return {}
    reading = ProbeRound(resources)
    return reading.states(shell_of(task).run(probe_script(reading.fragments, reading.mark), PROBE_S))


def intern_texts(state: State | None) -> State | None:
    """Return the state with its texts interned, since most hosts hold the same files."""
    if state is None:
        return None
    return {name: sys.intern(value) if type(value) is str else value for name, value in state.items()}


def shell_of(task: Task) -> Shell:
    """Return the host's shell, opened at the first use."""
    shell: Shell = task.host.get_connection("shell", task.nornir.config)
    return shell


def failure_text(name: str, piece: FragmentOutput, doing: str) -> str:
    """Return the error message of a fragment that failed."""
    words = piece.stderr.strip() or piece.stdout.strip()[-500:] or "it printed nothing"
    return f"{name}: {doing} failed (exit {piece.code}): {words[-2000:]}"
