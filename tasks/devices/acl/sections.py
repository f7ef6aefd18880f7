"""The syntax of Cisco's and Arista's devices, whose configurations are sections with indented lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from moor.tasks.devices.acl.text import ListOnDevice, ListSyntax, remediation

NAMED_PORTS = {"www": "80", "http": "80", "https": "443"}  # names that devices print instead of port numbers
GROUP = re.compile(r"ip access-group (\S+) (in|out)")
BANNER = re.compile(r"banner (\S+)(?: +(\^C|\S)|$)")  # the kind of banner, and the delimiter of its text
IGNORED = ("remark", "statistics", "counters", "!")


@dataclass(frozen=True)
class SectionSyntax(ListSyntax):
    """Access lists as sections of a configuration.

    Attributes:
        platform: hier-config's name for it
        header: the first words of an access list, before its name
        end: the last line of a complete configuration; empty if the platform has none
        live: whether a list is active while it is edited, so that a copy has to filter in the meantime
    """

    platform: str
    header: str
    end: str = ""
    live: bool = False

    def check(self, configuration: str) -> None:
        last = configuration.strip().splitlines()[-1:]
        if not last or (self.end and last[0].strip() != self.end):
            raise ValueError(f"its last line is {last[0].strip() if last else ''!r}")
        if not any(line.startswith("interface ") for line in without_banners(configuration)):
            raise ValueError("it has no interface")

    def find(self, configuration: str, name: str) -> ListOnDevice:
        sections = dict(_sections(configuration))
        ours = (name, _copy_name(name))
        groups = [(head, *group) for head in sorted(sections) for group in _groups(sections[head])]
        lists = [line for each in ours for line in self._list(sections, each)]
        applied = [f"{head}\n  ip access-group {each} {way}" for head, each, way in groups if each in ours]
        return ListOnDevice(
            "\n".join([*lists, *applied]),
            frozenset(head.removeprefix("interface ") for head in sections if head.startswith("interface ")),
            frozenset(f"{head} {way}" for head, each, way in groups if each in ours),
            {f"{head} {way}": f"ip access-group {each}" for head, each, way in groups if each not in ours},
        )

    def _list(self, sections: Mapping[str, list[str]], name: str) -> list[str]:
        head = f"{self.header} {name}"
        entries = [_entry(line) for line in sections.get(head, []) if not line.startswith(IGNORED)]
        return [head, *(f"  {line}" for line in _numbered(entries))] if head in sections else []

    def remedy(self, before: str, after: str, name: str) -> list[str]:
        steps = [before, after]
        if self.live and self._rewritten(before, after, name):
            steps = [before, *self._steps_over_copy(before, after, name), after]
        return [line for one, other in pairwise(steps) for line in self._commands(one, other)]

    def _rewritten(self, before: str, after: str, name: str) -> bool:
        head = f"{self.header} {name}"
        old, new = (dict(_sections(text)).get(head) for text in (before, after))
        return old is not None and old != new

    def _steps_over_copy(self, before: str, after: str, name: str) -> Iterator[str]:
        """Yield the intermediate texts: first a copy of the new list filters, then the old list is gone."""
        old, new = (dict(_sections(text)).get(f"{self.header} {name}", []) for text in (before, after))
        applied = GROUP.sub(rf"ip access-group {_copy_name(name)} \2", _applied(before))
        copy = self._written(_copy_name(name), new) if applied else ""
        yield "\n".join([self._written(name, old), copy, applied])
        yield "\n".join([copy, applied])

    def _written(self, name: str, entries: list[str]) -> str:
        return "\n".join([f"{self.header} {name}", *(f"  {line}" for line in entries)])

    def _commands(self, before: str, after: str) -> list[str]:
        from hier_config import Platform, get_hconfig_driver
        from hier_config.models import IdempotentCommandsRule, MatchRule, OrderingRule

        driver = get_hconfig_driver(Platform[self.platform])
        for way in ("in", "out"):  # a new access-group replaces the former one without a gap
            rules = (MatchRule(startswith="interface "), MatchRule(startswith="ip access-group ", endswith=f" {way}"))
            driver.rules.idempotent_commands.append(IdempotentCommandsRule(match_rules=rules))
        last = (MatchRule(startswith="no ip access-list "),)  # after no interface uses it any more
        driver.rules.ordering.append(OrderingRule(match_rules=last, weight=200))
        # Without this, hier-config would remove an interface that has no access list any more.
        bare = [
            line for line in before.splitlines() if line.startswith("interface ") and line not in after.splitlines()
        ]
        lines = remediation(driver, before, "\n".join([after, *dict.fromkeys(bare)]))
        return [re.sub(r"^(\s+no \d+) .*", r"\1", line) for line in lines]


def without_banners(text: str) -> Iterator[str]:
    """Yield the lines of a configuration except the text of banners, which may look like configuration.

    References:
        Cisco, "banner motd": the text ends at the delimiter, which a configuration shows as ^C; NX-OS keeps the one
            that was typed. Arista, "banner motd": it ends at a line EOF.
    """
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        yield lines[at]
        at = _banner_end(lines, at) + 1


def _banner_end(lines: list[str], at: int) -> int:
    """Return the index of the last line of a banner that begins at ``at``; ``at`` if there is none or it has no end."""
    begun = BANNER.match(lines[at])
    if begun is None or (begun[2] and begun[2] in lines[at][begun.end() :]):
        return at
    for number in range(at + 1, len(lines)):
        if begun[2] in lines[number] if begun[2] else lines[number].strip() == "EOF":
            return number
    return at


def _copy_name(name: str) -> str:
    return f"{name}-NEXT"


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Split a configuration into its unindented lines, each with the indented lines below it."""
    head, below = "", list[str]()
    for line in without_banners(text):
        if line[:1].isspace():
            below.append(" ".join(line.split()))
        elif line:
            yield head, below
            head, below = line.rstrip(), []
    yield head, below


def _groups(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if group := GROUP.fullmatch(line):
            yield group[1], group[2]


def _applied(text: str) -> str:
    """Return the interface sections of a list's text."""
    return "\n".join(f"{head}\n  {line}" for head, below in _sections(text) for line in below if "access-group" in line)


def _numbered(entries: list[str]) -> list[str]:
    """Add the numbers that a device would give to entries which have none."""
    bare = all(not line[:1].isdigit() for line in entries)
    return [f"{number * 10} {line}" if bare else line for number, line in enumerate(entries, 1)]


def _entry(line: str) -> str:
    """Return an entry with its port as a number and without hit counters."""
    numbers = re.sub(r"\beq (\S+)", lambda port: f"eq {NAMED_PORTS.get(port[1], port[1])}", line)
    return re.sub(r" \(\d+ match(es)?\)$| \[match=\d+\]$", "", numbers)


IOS = SectionSyntax("CISCO_IOS", "ip access-list extended", end="end", live=True)
NXOS = SectionSyntax("CISCO_NXOS", "ip access-list", live=True)
EOS = SectionSyntax("ARISTA_EOS", "ip access-list", end="end")
