"""Redaction of text that looks like a secret, for files of hosts whose secrets moor does not know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

STARS = "***"
KEY = r"(?:api|private|access|account)[_-]?key(?:secret)?"
NAME = rf"pass(?:word|wd|phrase)?|secret(?:[_-]?key)?|token|credentials?|{KEY}|auth"
A_VOLUME = r"""(?! \{ \s* ["']?secretName["']? \s* : )"""  # names a Kubernetes secret, and is none itself
KEYED = re.compile(
    rf"""(?ix) ^ (?P<before> .*? (?<![a-z0-9]) [\w.-]* (?<![a-z]) (?:{NAME}) ["']? \s* [:=] \s* )
        (?P<value> {A_VOLUME} \S.* ) $"""
)
NAMED = re.compile(
    rf"""(?i)^[\s-]*name["']?\s*[:=].*(?<![a-z])(?:{NAME})["']?,?\s*$"""
)  # a line ``name: PASSWORD``, before a line ``value: ...``
VALUE = re.compile(r"""(?i)^(?P<before>[\s-]*value["']?\s*[:=]\s*)(?P<value>\S.*)$""")
URL = re.compile(r"(?P<before>://[^/\s:@]*:)[^/\s@]+(?=@)")
BASIC = re.compile(r"(?i)\b(?P<before>(?:basic|bearer)\s+)[A-Za-z0-9+/=._~-]{8,}")
BEGIN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
END = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")


def redact(lines: Iterable[str]) -> Iterator[str]:
    """Yield each line with likely secrets replaced by ``***``; the number of lines stays, so that diffs stay right."""
    within_key = after_name = False
    for line in lines:
        begins = BEGIN.search(line)
        if within_key and not END.search(line):
            yield STARS
        else:
            yield _line(line, after_name)
        within_key = bool(begins and not END.search(line)) or (within_key and not END.search(line))
        after_name = bool(NAMED.match(line))


@lru_cache(maxsize=10_000)  # the hosts' files have mostly the same lines
def _line(line: str, after_name: bool) -> str:
    line = BASIC.sub(rf"\g<before>{STARS}", URL.sub(rf"\g<before>{STARS}", line))
    keyed = KEYED.match(line) or (VALUE.match(line) if after_name else None)
    return f"{keyed['before']}{STARS}" if keyed else line
