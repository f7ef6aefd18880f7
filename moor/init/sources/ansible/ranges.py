"""Host patterns of an Ansible inventory: ``www[01:50:2].example.org``, ``db-[a:f]``, ``host:2222``, ``[IPV6]:2222``."""

from __future__ import annotations

import re
import string

from moor.errors import InputError

RANGE = re.compile(r"\[([^]:\[]*):([^]:\[]*)(?::([0-9]+))?\]")
WITH_PORT = re.compile(r"(?:\[(?P<bracketed>[^\[\]]+)\]|(?P<plain>(?:[^:\[\]]|\[[^\]]*\])+)):(?P<port>[0-9]+)")
MOST = 100_000


def split_pattern(pattern: str) -> tuple[list[str], int]:
    """Return the names of a host pattern, and its port; 0 without one. Raise InputError for a range that is none."""
    found = WITH_PORT.fullmatch(pattern)
    host = (found["bracketed"] or found["plain"]) if found else pattern
    return expand(host), int(found["port"]) if found else 0


def expand(pattern: str) -> list[str]:
    """Return the names of a pattern with ranges, the first range slowest."""
    found = RANGE.search(pattern)
    if not found:
        return [pattern]
    head, tail = pattern[: found.start()], pattern[found.end() :]
    values, rest = _values(found[1] or "0", found[2], int(found[3] or 1), pattern), expand(tail)
    if len(values) * len(rest) > MOST:
        raise InputError(f"{pattern}: more than {MOST} hosts")
    return [f"{head}{value}{more}" for value in values for more in rest]


def _values(first: str, last: str, step: int, pattern: str) -> list[str]:
    if not last or step < 1:
        raise InputError(f"{pattern}: a range is [FIRST:LAST] or [FIRST:LAST:STEP]")
    if len(first) == len(last) == 1 and first.isalpha() and last.isalpha():
        letters = string.ascii_letters[string.ascii_letters.index(first) : string.ascii_letters.index(last) + 1]
        if not letters:
            raise InputError(f"{pattern}: a range begins with its smaller end")
        return list(letters[::step])
    if not (first.isdecimal() and last.isdecimal()):
        raise InputError(f"{pattern}: a range is of numbers, or of single letters")
    width = len(first) if first[0] == "0" and len(first) > 1 else 0
    if width and width != len(last):
        raise InputError(f"{pattern}: both ends of a range with leading zeros have the same length")
    if int(last) - int(first) > MOST:
        raise InputError(f"{pattern}: more than {MOST} hosts")
    return [str(number).zfill(width) for number in range(int(first), int(last) + 1, step)]
