"""Fragments that change a host, run under its lock."""

from __future__ import annotations

from collections.abc import Sequence

from moor.answer import Answer
from moor.connections.shell import Shell
from moor.engine import prelude
from moor.engine.probing import Reading
from moor.engine.script import apply_script
from moor.errors import ErrorKind, HostError, Waited


def run_exclusive(
    shell: Shell, fragments: Sequence[str], mark: str, run: str, bound_s: float, reading: Reading | None = None
) -> Answer:
    """Run ``fragments`` under the host's lock until one fails, and then read what ``reading`` wants.

    bound_s  for the fragments alone; the wait for the lock comes on top
    Raises   Waited, after which the host is to be read again; HostError: the lock is held for longer; CutOff.
    """
    asked, read_mark = (reading.fragments, reading.mark) if reading else ([], "")
    answer = shell.run(apply_script(fragments, mark, run, asked, read_mark), prelude.WAIT_S + bound_s)
    if answer.code == prelude.WAITED:
        raise Waited("another run changed this host meanwhile; run again")
    if answer.code == prelude.BUSY:
        held = answer.stderr.decode("utf-8", "replace").strip()
        raise HostError(f"{held}; wait for it, then run again", ErrorKind.CONFLICT)
    return answer
