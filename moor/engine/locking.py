"""Fragments that change a host, run under its lock."""

from __future__ import annotations

from collections.abc import Sequence

from moor.connections.ssh.shell import Shell
from moor.engine import shell_functions
from moor.engine.probing import ProbeRound
from moor.engine.script import apply_script
from moor.errors import ErrorKind, HostError, LockContention, ScriptCutShort
from moor.script_result import ScriptResult

SIGNALLED = 128  # a shell adds the number of the signal that ended a command to this


def run_under_lock(
    shell: Shell, fragments: Sequence[str], mark: str, run: str, bound_s: float, reading: ProbeRound | None = None
) -> ScriptResult:
    """Run ``fragments`` under the host's lock until one fails, and then read what ``reading`` wants.

    Args:
        bound_s: for the fragments alone; the wait for the lock comes on top

    Raises:
        LockContention: another run changed the host meanwhile, so it must be read again.
        HostError: another run holds the lock for longer than the wait.
        ScriptCutShort: the connection broke after the script began, or the script was killed.
    """
    asked, read_mark = (reading.fragments, reading.mark) if reading else ([], "")
    answer = shell.run(apply_script(fragments, mark, run, asked, read_mark), shell_functions.WAIT_S + bound_s)
    if answer.code == shell_functions.WAITED:
        raise LockContention("another run changed this host meanwhile; run again")
    if answer.code == shell_functions.BUSY:
        held = answer.stderr.decode("utf-8", "replace").strip()
        raise HostError(f"{held}; wait for it, then run again", ErrorKind.CONFLICT)
    if answer.code > SIGNALLED:
        words = f"the host's shell was killed there by signal {answer.code - SIGNALLED}; run again"
        raise ScriptCutShort(words, ErrorKind.LOST, answer)
    return answer
