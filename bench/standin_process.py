"""A stand-in in a process of its own, which says by lines what it was asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.contenders.contender import ROOT
from bench.measure import Run
from moor.errors import MoorError


class StandIn:
    """A stand-in that runs.

    Attributes:
        first: the line that it said once it was ready
    """

    def __init__(self, module: str, process: subprocess.Popen[str]) -> None:
        self._module, self._process = module, process
        self.first = self._line()

    def asked(self) -> list[int]:
        """Have the requests since the last time written into its directory; return how many there were of each kind."""
        assert self._process.stdin  # noqa: S101  # it is a pipe
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return [int(number) for number in self._line().split()]

    def _line(self) -> str:
        assert self._process.stdout  # noqa: S101
        if line := self._process.stdout.readline():
            return line
        raise MoorError(f"bench: {self._module} ended")


@contextmanager
def serving(module: str, *words: object) -> Iterator[StandIn]:
    """Run a stand-in, a module with arguments, until the block ends."""
    argv = [sys.executable, "-m", module, *map(str, words)]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield StandIn(module, process)
        finally:
            process.kill()


def must(run: Run, code: int = 0) -> Run:
    """Return a run; raise MoorError if it ended otherwise."""
    if run.code != code:
        raise MoorError(f"bench: ended with {run.code}: {run.stderr[-800:] or run.stdout[-800:]}")
    return run
