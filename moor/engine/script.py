"""Scripts of many fragments in one round trip, and their answers taken apart.

A script is one function and its call: a shell parses the whole function before the first line of it runs, so a
connection that drops half-way leaves a script that does nothing.
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
END = re.compile(rb"(\d{1,9}) end (\d{1,3})\n")


@dataclass(frozen=True)
class FragmentOutput:
    """What one fragment printed, as text by surrogateescape, and its exit status."""

    stdout: str
    stderr: str
    code: int


def new_mark() -> str:
    """Return a word that no answer can hold by chance or by intent."""
    return f"moor-{secrets.token_hex(16)}"


def probe_script(fragments: Sequence[str], mark: str) -> str:
    """Return a script that runs every fragment, whatever the others say."""
    return _whole(ENVIRONMENT, [_read(fragments, mark)])


def _read(fragments: Iterable[str], mark: str) -> str:
    blocks = (_asked(text, number, mark) for number, text in enumerate(fragments))
    return f"{{\n{''.join(blocks)}{GATHERED}"


def apply_script(
    fragments: Sequence[str], mark: str, run: str, reading: Sequence[str] = (), read_mark: str = ""
) -> str:
    """Return a script that holds the host's lock and stops at the first fragment that fails, heard or not.

    Args:
        reading: fragments of a probe that follows, without the lock, and whose answers have ``read_mark``
    """
    stopped = "[ $rc = 0 ] || { moor_written; return 0; }\n"
    blocks = "".join(f"{_block(text, number, mark)}{stopped}" for number, text in enumerate(fragments))
    work = f"moor_work() {{\n{blocks}moor_written\n{REMOVE_OLD_RUNS}}}\n"
    after = f"exec 9>&-\n{_read(reading, read_mark)}" if reading else ""
    return _whole(script_head(run, current_operator(), RUNS, LOCK), [work, run_to_end("moor_work", mark), after])


def _whole(opening_lines: str, blocks: Iterable[str]) -> str:
    return f"moor_main() {{\n{opening_lines}{''.join(blocks)}}}\nmoor_main\n"


# sshd sends what it reads, and a shell writes line by line: a packet a line, each of which costs the controller as much
# as a large one. dd, told a size of its output apart from that of its input, fills one block after the other
# (POSIX.1-2017 dd, under bs=expr). Only probes may wait for the end of a pipe: they leave nothing running behind.
GATHERED = "} 3>&1 | dd ibs=65536 obs=65536 2>/dev/null\n"


def _asked(fragment: str, number: int, mark: str) -> str:
    """Give one fragment in a shell of its own, its input empty, its answer marked, its errors kept apart and sent last.

    Descriptor 3 is the answer's, so that a variable can take the errors.
    """
    begin, end = f"\\n{mark} {number} begin\\n", f"\\n{mark} {number} end %s\\n"
    return (
        f"printf '{begin}'\n"
        f"e=$( {{ (\n{fragment}\n) </dev/null 3>&-; }} 2>&1 >&3 ); rc=$?\n"
        f"printf '{end}' \"$rc\"\n"
        f'[ -z "$e" ] || printf \'{begin}%s\\n{end}\' "$e" "$rc" >&2\n'
    )


def _block(fragment: str, number: int, mark: str) -> str:
    """Return one fragment in a shell of its own, its input empty, the lock's descriptor closed, both outputs marked."""
    begin, end = f"'\\n{mark} {number} begin\\n'", f"'\\n{mark} {number} end %s\\n'"
    return (
        f"printf {begin}; printf {begin} >&2\n"
        f"(\n{fragment}\n) </dev/null 9>&-; rc=$?\n"
        f'printf {end} "$rc"; printf {end} "$rc" >&2\n'
    )


def split_answers(stdout: bytes, stderr: bytes, mark: str) -> list[FragmentOutput]:
    """Take the answers apart, in order; those that a broken connection or a failed fragment cut off are missing."""
    told = _parts(stderr, mark)
    return [
        FragmentOutput(text, told.get(number, ("", 0))[0], code)
        for number, (text, code) in sorted(_parts(stdout, mark).items())
    ]


def _parts(output: bytes, mark: str) -> dict[int, tuple[str, int]]:
    # Parted by the mark first: a pattern with a mark in it would have to be compiled for each answer.
    parts = output.split(b"\n" + mark.encode() + b" ")
    pairs = zip(map(BEGIN.match, parts), map(END.match, parts[1:]), strict=False)
    found = ((begin, end) for begin, end in pairs if begin and end and begin[1] == end[1])
    return {int(begin[1]): (begin[2].decode("utf-8", "surrogateescape"), int(end[2])) for begin, end in found}


def require_all(pieces: list[FragmentOutput], wanted: int, stderr: bytes) -> list[FragmentOutput]:
    """Return ``pieces`` back; raises HostError where the host answered fewer than ``wanted``."""
    if len(pieces) == wanted:
        return pieces
    last = stderr[-2000:].decode("utf-8", "replace").strip()
    words = f"the host answered {len(pieces)} of {wanted} questions; its last words: {last or '(none)'}"
    raise HostError(words, ErrorKind.ANSWER)
