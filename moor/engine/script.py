"""Scripts that run many fragments in one round trip, and the parser of their output.

A script is one function and its call. A shell parses the whole function before it runs the first line, so a script
that arrives incomplete does nothing.
"""

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from moor.engine.shell_functions import (
    ENVIRONMENT,
    LOCK,
    REMOVE_OLD_RUNS,
    RUNS,
    current_operator,
    run_to_end,
    script_head,
)
from moor.errors import ErrorKind, HostError

BEGIN = re.compile(rb"(\d{1,9}) begin\n(.*)", re.DOTALL)
TEXT = ("utf-8", "surrogateescape")
END = re.compile(rb"(\d{1,9}) end (\d{1,3})\n")


@dataclass(frozen=True)
class FragmentOutput:
    """The output of one fragment, decoded with surrogateescape, and its exit status."""

    stdout: str
    stderr: str
    code: int


def new_mark() -> str:
    """Return a random word that no output contains by chance, and that no host can guess."""
    return f"moor-{secrets.token_hex(16)}"


def probe_script(fragments: Sequence[str], mark: str, before: str = "") -> str:
    """Return a script that runs every fragment, whether or not others fail; ``before`` is run before them."""
    return _whole(ENVIRONMENT, [before, _read(fragments, mark)])


def _read(fragments: Iterable[str], mark: str) -> str:
    blocks = (_asked(text, number, mark) for number, text in enumerate(fragments))
    return f"{{\n{''.join(blocks)}{GATHERED}"


def apply_script(
    fragments: Sequence[str], mark: str, run: str, reading: Sequence[str] = (), read_mark: str = ""
) -> str:
    """Return a script that takes the host lock and stops at the first fragment that fails.

    It runs to its end even if the connection breaks.

    Args:
        fragments: the changes, in order.
        mark: separates their outputs.
        run: the run's name.
        reading: probes to run afterwards, without the lock.
        read_mark: separates the outputs of the probes.
    """
    stopped = "[ $rc = 0 ] || { moor_written; return 0; }\n"
    blocks = "".join(f"{_block(text, number, mark)}{stopped}" for number, text in enumerate(fragments))
    work = f"moor_work() {{\n{blocks}moor_written\n{REMOVE_OLD_RUNS}}}\n"
    after = f"exec 9>&-\n{_read(reading, read_mark)}" if reading else ""
    return _whole(script_head(run, current_operator(), RUNS, LOCK), [work, run_to_end("moor_work", mark), after])


def _whole(opening_lines: str, blocks: Iterable[str]) -> str:
    return f"moor_main() {{\n{opening_lines}{''.join(blocks)}}}\nmoor_main\n"


# A shell writes line by line, and sshd sends each write as a packet of its own, which costs the controller as much as a
# large one. dd with an output block size collects the lines into full blocks (POSIX.1-2017 dd, under bs=expr). Only
# probes are collected: dd waits for the end of the pipe, and only probes leave no process behind that holds it open.
GATHERED = "} 3>&1 | dd ibs=65536 obs=65536 2>/dev/null\n"


def _asked(fragment: str, number: int, mark: str) -> str:
    """Return a probe in a subshell without input, its output marked, its standard error collected and printed last.

    Standard output goes to descriptor 3, so that the command substitution collects standard error alone.
    """
    begin, end = f"\\n{mark} {number} begin\\n", f"\\n{mark} {number} end %s\\n"
    return (
        f"printf '{begin}'\n"
        f"e=$( exec </dev/null 2>&1 >&3 3>&-\n{fragment}\n); rc=$?\n"
        f"printf '{end}' \"$rc\"\n"
        f'[ -z "$e" ] || printf \'{begin}%s\\n{end}\' "$e" "$rc" >&2\n'
    )


def _block(fragment: str, number: int, mark: str) -> str:
    """Return a fragment in a subshell without input and without the lock's descriptor, both outputs marked."""
    begin, end = f"'\\n{mark} {number} begin\\n'", f"'\\n{mark} {number} end %s\\n'"
    return (
        f"printf {begin}; printf {begin} >&2\n"
        f"(\n{fragment}\n) </dev/null 9>&-; rc=$?\n"
        f'printf {end} "$rc"; printf {end} "$rc" >&2\n'
    )


def split_answers(stdout: bytes, stderr: bytes, mark: str) -> list[FragmentOutput]:
    """Split a script's output into one value for each fragment, in order; fragments that did not end are missing."""
    told = split_output(stderr, mark)
    return [
        FragmentOutput(text.decode(*TEXT), told.get(number, (b"", 0))[0].decode(*TEXT), code)
        for number, (text, code) in sorted(split_output(stdout, mark).items())
    ]


def split_output(output: bytes, mark: str) -> dict[int, tuple[bytes, int]]:
    """Return the output of each fragment that ended, and its exit status, by number."""
    # Split by the mark first, since a pattern with the random mark would be compiled for each answer.
    parts = output.split(b"\n" + mark.encode() + b" ")
    pairs = zip(map(BEGIN.match, parts), map(END.match, parts[1:]), strict=False)
    found = ((begin, end) for begin, end in pairs if begin and end and begin[1] == end[1])
    return {int(begin[1]): (begin[2], int(end[2])) for begin, end in found}


def require_all(pieces: list[FragmentOutput], wanted: int, stderr: bytes) -> list[FragmentOutput]:
    """Return ``pieces``; raise HostError if there are fewer than ``wanted``."""
    if len(pieces) == wanted:
        return pieces
    last = stderr[-2000:].decode("utf-8", "replace").strip()
    words = f"the host's answer is incomplete: {len(pieces)} of {wanted} parts; last error output: {last or '(none)'}"
    raise HostError(words, ErrorKind.ANSWER)
