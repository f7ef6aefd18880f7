"""moor as a user types it: as a process of its own, or in this one, which saves a busy machine the imports."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from moor.cli import main

LIMIT_S = 120


class Done(subprocess.CompletedProcess[str]):
    """A command that has ended; ``said`` is all that it printed."""

    @property
    def said(self) -> str:
        """Return both outputs, standard output first."""
        return self.stdout + self.stderr

    @property
    def report(self) -> Any:
        """Read standard output as JSON; what the command said otherwise is in the AssertionError."""
        try:
            return json.loads(self.stdout)
        except ValueError as error:
            raise AssertionError(f"no JSON but exit code {self.returncode} and {self.said!r}") from error


def typed(site: Path, *words: str, under: Sequence[str] = ()) -> list[str]:
    """Return the argv of a command on a site; ``under`` is what it is started by, such as ``unshare --net``."""
    return [*under, sys.executable, "-m", "moor", *words, "--site", str(site)]


def moor(
    site: Path,
    *words: str,
    under: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
) -> Done:
    """Run a command on a site as a process without a terminal, and return how it ended."""
    done = subprocess.run(
        typed(site, *words, under=under),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
        env={**os.environ, **env} if env else None,
    )
    return Done(done.args, done.returncode, done.stdout, done.stderr)


@contextmanager
def started(
    site: Path, *words: str, under: Sequence[str] = (), out: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """Start a command on a site; it is killed at the end of the block if it runs still."""
    argv = typed(site, *words, under=under)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def moor_here(site: Path, *words: str) -> Done:
    """Run a command on a site in this process, and return how it ended."""
    return ended_here([*words, "--site", str(site)], main)


def ended_here(words: list[str], run: Callable[[list[str]], None] = main) -> Done:
    """Run ``moor`` with words in this process, and return how it ended."""
    code: object = 0
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        try:
            run(words)
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int), code
    return Done(["moor", *words], code, out.getvalue(), err.getvalue())
