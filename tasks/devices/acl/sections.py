"""The syntax of Cisco's and Arista's devices, whose configurations are sections with indented lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from moor.tasks.devices.acl.text import ListOnDevice, ListSyntax, canonical, names_of, remediation

NAMED_PORTS = {"www": "80", "http": "80", "https": "443"}  # names that devices print instead of port numbers
BANNER = re.compile(r"banner (\S+)(?: +(\^C|\S)|$)")  # the kind of banner, and the delimiter of its text
IGNORED = re.compile(r"(?:(?:sequence )?\d+ )?remark\b|statistics|counters|!")
INTERFACE = "interface "
STEP = 10  # between the numbers that a device gives to entries

Sections = Mapping[str, list[str]]


@dataclass(frozen=True)
class SectionFamily:
    """How the lists of one address family are written and applied.

    Attributes:
        header: the first words of a list, before its name
        hook: the first words of an interface's line that applies a list, before its name
        ways: the words for both directions
        number: a word before the number of an entry
    """

    header: str
    hook: str
    ways: tuple[str, str] = ("in", "out")
    number: str = ""

    def hooks(self, lines: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield the lists that lines of an interface apply, each with the direction."""
        for line in lines:
            if line.startswith(self.hook) and (
                found := re.fullmatch(rf"{self.hook} (.+?) ({'|'.join(self.ways)})(?: .+)?", line)
            ):
                yield found[1], found[2]

    def entries(self, lines: Iterable[str]) -> Iterator[str]:
        """Yield the entries of a list in one form: with a number, a port as a number, and without hit counters.

        An entry without a number has the one that the device gives it.
        """
        last = 0
        for line in lines:
            if IGNORED.match(line):
                continue
            number, entry = self._split(line)
            last = number or last - last % STEP + STEP
            yield f"{self.number}{last} {_plain(entry)}"

    def _split(self, line: str) -> tuple[int, str]:
        """Return the number of an entry, 0 if it shows none, and the rest."""
        if found := re.fullmatch(r"(?:sequence )?(\d+) (.*)", line) or re.fullmatch(r"(.*) sequence (\d+)", line):
            number, entry = sorted(found.groups(), key=lambda part: not part.isdigit())
            return int(number), entry
        return 0, line


@dataclass(frozen=True)
class SectionSyntax(ListSyntax):
    """Access lists as sections of a configuration.

    Attributes:
        platform: hier-config's name for it
        families: IPv4, IPv6
        end: the last line of a complete configuration; empty if the platform has none
        live: whether a list is active while it is edited, so that a copy has to filter in the meantime
    """

    platform: str
    families: tuple[SectionFamily, SectionFamily]
    end: str = ""
    live: bool = False

    def check(self, configuration: str) -> None:
        last = configuration.strip().splitlines()[-1:]
        if not last or (self.end and last[0].strip() != self.end):
            raise ValueError(f"its last line is {last[0].strip() if last else ''!r}")
        if not any(line.startswith(INTERFACE) for line in without_banners(configuration)):
            raise ValueError("it has no interface")

    def find(self, configuration: str, name: str) -> ListOnDevice:
        sections = dict(_raw_sections(configuration))
        found, applied = dict[str, list[str]](), dict[str, list[str]]()
        places, taken = set[str](), dict[str, str]()
        for family, own in zip(self.families, names_of(name), strict=True):
            ours = (own, _copy_name(own))
            for head in (f"{family.header} {each}" for each in ours):
                if head in sections:
                    found[head] = list(family.entries(_bare(sections[head])))
            for head, each, way in _hooks(sections, family) if family.hook in configuration else ():
                place = f"{head} {way}" if family is self.families[0] else f"{head} {way} (IPv6)"
                if each in ours:
                    places.add(place)
                    applied.setdefault(head, []).append(f"{family.hook} {each} {way}")
                else:
                    taken[place] = f"{family.hook} {each}"
        interfaces = frozenset(head.removeprefix(INTERFACE) for head in sections if head.startswith(INTERFACE))
        text = _written({**found, **dict(sorted(applied.items()))})
        return ListOnDevice(text, interfaces, frozenset(places), taken)

    def remedy(self, before: str, after: str, name: str) -> list[str]:
        steps = [before, after]
        if self.live and (changed := self._rewritten(before, after, name)):
            steps = [before, *self._steps_over_copy(before, changed), after]
        return [line for one, other in pairwise(steps) for line in self._commands(one, other)]

    def _rewritten(self, before: str, after: str, name: str) -> dict[str, list[str]]:
        """Return the lists that exist and get other entries: their names, with these."""
        old, new = dict(_sections(before)), dict(_sections(after))
        return {
            own: new[head]
            for family, own in zip(self.families, names_of(name), strict=True)
            for head in (f"{family.header} {own}",)
            if head in old and head in new and old[head] != new[head]
        }

    def _steps_over_copy(self, before: str, changed: Sections) -> Iterator[str]:
        """Yield the intermediate texts: first copies of the new lists filter, then the old lists are gone."""
        sections = {head: lines for head, lines in _sections(before) if head}
        applied = {head: sections.pop(head) for head in list(sections) if head.startswith(INTERFACE)}
        gone = list[str]()
        for family, own in ((family, own) for family in self.families for own in changed):
            head, copy = f"{family.header} {own}", f"{family.header} {_copy_name(own)}"
            if head in sections:
                gone.append(head)
                sections.pop(copy, None)
                if _apply_copy(applied, family, own):
                    sections[copy] = changed[own]
        yield _written({**sections, **applied})
        yield _written({**{head: lines for head, lines in sections.items() if head not in gone}, **applied})

    def _commands(self, before: str, after: str) -> list[str]:
        from hier_config import Platform, get_hconfig_driver
        from hier_config.models import IdempotentCommandsRule, MatchRule, OrderingRule

        driver = get_hconfig_driver(Platform[self.platform])
        driver.rules.post_load_callbacks.clear()  # IOS' takes the numbers of IPv6 entries away, which are their order
        for family in self.families:
            for way in family.ways:  # a new access-group replaces the former one without a gap
                rules = (MatchRule(startswith=INTERFACE), MatchRule(startswith=f"{family.hook} ", endswith=f" {way}"))
                driver.rules.idempotent_commands.append(IdempotentCommandsRule(match_rules=rules))
            last = (MatchRule(startswith=f"no {family.header} "),)  # after no interface uses it any more
            driver.rules.ordering.append(OrderingRule(match_rules=last, weight=200))
        # Without this, hier-config would remove an interface that has no access list any more.
        bare = [line for line in before.splitlines() if line.startswith(INTERFACE) and line not in after.splitlines()]
        lines = remediation(driver, before, "\n".join([after, *dict.fromkeys(bare)]))
        return [re.sub(r"^(\s+no \d+) .*", r"\1", line) for line in lines]


def without_banners(text: str) -> Sequence[str]:
    """Return the lines of a configuration except the text of banners, which may look like configuration.

    References:
        Cisco, "banner motd": the text ends at the delimiter, which a configuration shows as ^C; NX-OS keeps the one
            that was typed. Arista, "banner motd": it ends at a line EOF.
    """
    lines = text.splitlines()
    if "banner " not in text:  # as in most texts, and a configuration may be long
        return lines
    kept, at = list[str](), 0
    while at < len(lines):
        kept.append(lines[at])
        at = _banner_end(lines, at) + 1
    return kept


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
    for head, below in _raw_sections(text):
        yield head, _bare(below)


def _raw_sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Split a configuration as ``_sections`` does, with lines as they are, since most are not looked at."""
    head, below = "", list[str]()
    for line in without_banners(text):
        if line[:1].isspace():
            below.append(line)
        elif line:
            yield head, below
            head, below = line.rstrip(), []
    yield head, below


def _bare(lines: Iterable[str]) -> list[str]:
    """Return lines with single blanks between words, without those that have no word."""
    return [" ".join(line.split()) for line in lines if not line.isspace()]


def _written(sections: Sections) -> str:
    return "\n".join(line for head, below in sections.items() for line in (head, *(f"  {one}" for one in below)))


def _hooks(sections: Sections, family: SectionFamily) -> Iterator[tuple[str, str, str]]:
    """Yield the sections that apply a list of a family, each with the list and the direction."""
    for head in sorted(sections):
        for name, way in family.hooks(_bare(line for line in sections[head] if family.hook in line)):
            yield head, name, way


def _apply_copy(interfaces: dict[str, list[str]], family: SectionFamily, name: str) -> bool:
    """Apply the copy of a list wherever the list is applied; return whether it or the copy is applied anywhere."""
    own, copy = (f"{family.hook} {each} " for each in (name, _copy_name(name)))
    for head, lines in interfaces.items():
        interfaces[head] = [copy + line.removeprefix(own) if line.startswith(own) else line for line in lines]
    return any(line.startswith(copy) for lines in interfaces.values() for line in lines)


def _plain(entry: str) -> str:
    numbers = re.sub(r"\beq (\S+)", lambda port: f"eq {NAMED_PORTS.get(port[1], port[1])}", canonical(entry))
    return re.sub(r" \(\d+ match(es)?\)$| \[match=\d+\]$", "", numbers)


IN_XR = ("ingress", "egress")
IOS = SectionSyntax(
    "CISCO_IOS",
    (
        SectionFamily("ip access-list extended", "ip access-group"),
        SectionFamily("ipv6 access-list", "ipv6 traffic-filter", number="sequence "),
    ),
    end="end",
    live=True,
)
NXOS = SectionSyntax(
    "CISCO_NXOS",
    (SectionFamily("ip access-list", "ip access-group"), SectionFamily("ipv6 access-list", "ipv6 traffic-filter")),
    live=True,
)
EOS = SectionSyntax(
    "ARISTA_EOS",
    (SectionFamily("ip access-list", "ip access-group"), SectionFamily("ipv6 access-list", "ipv6 access-group")),
    end="end",
)
XR = SectionSyntax(
    "CISCO_XR",
    (
        SectionFamily("ipv4 access-list", "ipv4 access-group", ways=IN_XR),
        SectionFamily("ipv6 access-list", "ipv6 access-group", ways=IN_XR),
    ),
    end="end",
)
