"""Who changed a device's configuration last, as the device tells it; pure.

References:
    Cisco: "Last configuration change" in running configurations of IOS and IOS XR; "show accounting log" of NX-OS;
    "show configuration commit list" of IOS XR. Arista: the message SYS-5-CONFIG_I. Juniper and VyOS: "show system
    commit", whose newest entry has the number 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from moor.engine.plan import printable_line

LONGEST = 80  # characters of a name or a time


@dataclass(frozen=True)
class LastChange:
    """A change of a configuration: the user, and the time in the device's words; empty for what is not told."""

    by: str = ""
    at: str = ""


@dataclass(frozen=True)
class Question:
    """A command that tells who changed the configuration.

    Attributes:
        command: to be typed.
        entry: a pattern with the groups ``by`` and ``at``.
        newest_last: of several entries the last one counts, else the first.
    """

    command: str
    entry: re.Pattern[str]
    newest_last: bool = False


IN_CONFIGURATION = re.compile(
    r"(?m)^!!? ?(?:Last configuration change at|Running configuration last done at:) (?P<at>.+?)"
    r"(?: by (?P<by>\S+))?\s*$"
)
COMMITS = Question(
    "show system commit", re.compile(r"(?m)^\s*0\s+(?P<at>\d{4}-\d\d-\d\d [\d:]+(?: [\w+:-]+)?) by (?P<by>\S+)")
)
QUESTIONS: Mapping[str, Question] = {
    "cisco_nxos": Question(
        "show accounting log | include configure | last 20",
        re.compile(r"(?m)^(?P<at>\w{3} .+?\d{4}):type=update:.*?:user=(?P<by>[^:\s]+):cmd=configure "),
        newest_last=True,
    ),
    "cisco_xr": Question(
        "show configuration commit list 1",
        re.compile(r"(?m)^\s*1\s+\S+\s+(?P<by>\S+)\s+\S+\s+\S+\s+(?P<at>\w{3} .+?)\s*$"),
    ),
    "arista_eos": Question(
        "show logging | include SYS-5-CONFIG",
        re.compile(
            r"(?m)^(?P<at>\w{3} +\d+ [\d:.]+|\d{4}-\S+).*%SYS-5-CONFIG\w*: "
            r"(?:Configured from \S+ by|User) (?P<by>\S+)"
        ),
        newest_last=True,
    ),
    "juniper_junos": COMMITS,
    "vyos": COMMITS,
}


def told_in(configuration: str) -> LastChange:
    """Return what a configuration says of its last change."""
    found = IN_CONFIGURATION.search(configuration)
    return _change(found) if found else LastChange()


def told_by(question: Question, printed: str) -> LastChange:
    """Return what the answer to a question says of the last change."""
    found = list(question.entry.finditer(printed))
    return _change(found[-1 if question.newest_last else 0]) if found else LastChange()


def _change(found: re.Match[str]) -> LastChange:
    return LastChange(*(printable_line((found[name] or "").strip())[:LONGEST] for name in ("by", "at")))
