"""Schedules as Harbor takes them: six fields, of which the first, the seconds, is 0.

Source  ValidateCronString of Harbor's source, and the parser of robfig/cron that it uses
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FIELDS = (  # name, smallest and largest number, and names of numbers
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of the week", 0, 6, DAYS),
)
NICKNAMES = {"hourly": "0 0 * * * *", "daily": "0 0 0 * * *", "weekly": "0 0 0 * * 0"}  # what Harbor's pages offer
PART = re.compile(r"(?P<first>\*|\?|[0-9a-z]+)(-(?P<last>[0-9a-z]+))?(/(?P<step>[0-9]+))?")


def cron_of(text: str) -> str:
    """Return a schedule as Harbor keeps it.

    Args:
        text: ``hourly``, ``daily``, ``weekly``, or six fields

    Raises:
        ValueError: Harbor would refuse it, or never run it as meant
    """
    words = text.split()
    if len(words) == 1 and words[0] in NICKNAMES:
        return NICKNAMES[words[0]]
    if len(words) != len(FIELDS):
        raise ValueError(
            f"{text!r} has {len(words)} fields; Harbor wants six, seconds first, such as '0 0 3 * * *' for three at "
            f"night, or {', '.join(NICKNAMES)}"
        )
    if words[0] != "0":
        raise ValueError(f"{text!r}: the first field is the seconds, and Harbor takes 0 alone there")
    for word, (name, least, most, names) in zip(words, FIELDS, strict=True):
        for part in word.lower().split(","):
            _check_part(part, name, range(least, most + 1), names)
    return " ".join(words)


def _check_part(part: str, name: str, allowed: range, names: tuple[str, ...]) -> None:
    found = PART.fullmatch(part)
    if not found:
        raise ValueError(f"{part!r} is no {name}")
    first, last, step = found["first"], found["last"], found["step"]
    if first in "*?":
        ends = []
        if last:
            raise ValueError(f"{part!r} is no {name}: a range begins with a number")
    else:
        ends = [_number(word, name, allowed, names) for word in (first, last) if word]
    if len(ends) == 2 and ends[0] > ends[1]:
        raise ValueError(f"{part!r} is no {name}: the range ends before it begins")
    if step is not None and int(step) == 0:
        raise ValueError(f"{part!r} is no {name}: a step is at least 1")


def _number(word: str, name: str, allowed: range, names: tuple[str, ...]) -> int:
    number = names.index(word) + allowed.start if word in names else int(word) if word.isdecimal() else None
    if number is None or number not in allowed:
        raise ValueError(f"{word!r} is no {name}: it is {allowed.start} to {allowed.stop - 1}")
    return number


Cron = Annotated[str, AfterValidator(cron_of)]
"""A schedule in the inventory, as Harbor takes it."""
