"""Commands that only show something on a network device, by platform; nothing else is ever typed there by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass

from moor.errors import InputError

PLAIN = re.compile(r"[\w .,:/*@%+=^()\[\]\"'|-]+")  # no ; & $ ` < > \ or newline: nothing that a shell would take


@dataclass(frozen=True)
class Showing:
    """What only shows on a platform: first words of commands, and what may follow a pipe."""

    first: frozenset[str]
    filters: frozenset[str]


# first words, what may follow a pipe, and the platforms that are so, by Netmiko's names
KNOWN = (
    ("show dir", "include exclude begin section count", "cisco_ios cisco_xe cisco_xr cisco_asa"),
    ("show dir", "include exclude begin section count grep egrep no-more last head json xml wc", "cisco_nxos"),
    ("show dir", "include exclude begin section count grep json no-more nz head tail", "arista_eos"),
    ("show", "match except count no-more display find last trim compare resolve", "juniper_junos juniper"),
    ("show", "match no-match count no-more strip-private", "vyos vyatta_vyos"),
    ("show", "grep except find no-more", "dell_os10 dell_os9 dell_force10"),
    ("display", "include exclude begin section count", "huawei huawei_vrp huawei_vrpv8 hp_comware"),
    ("show", "include exclude begin", "hp_procurve aruba_os aruba_osswitch"),
    ("get show", "grep", "fortinet"),
    ("show", "match except", "paloalto_panos"),
    ("show info", "grep as", "nokia_srl"),
    ("show info", "match count no-more", "nokia_sros"),
)
SHOWING = {
    platform: Showing(frozenset(first.split()), frozenset(filters.split()))
    for first, filters, platforms in KNOWN
    for platform in platforms.split()
}


def refusal_on(platform: str, command: str) -> str:
    """Return why a command is not typed on a device of a platform; empty if it only shows something.

    Args:
        platform: Netmiko's name of it.
        command: one line.
    """
    showing = SHOWING.get(platform)
    if showing is None:
        return f"moor does not know which commands only show something on {platform or 'a device without a platform'}"
    if not PLAIN.fullmatch(command):
        return f"{command!r} holds what a device's shell may take for more than one command"
    head, *filters = [part.split() for part in command.split("|")]
    if not head or head[0].lower() not in showing.first:
        return f"{command!r} does not begin with {' or '.join(sorted(showing.first))}"
    for words in filters:
        if not words or words[0].lower() not in showing.filters:
            return f"what stands behind | must be one of {', '.join(sorted(showing.filters))}"
    return ""


def refuse_on_devices(platforms: dict[str, str], command: str) -> None:
    """Raise InputError, with every device on which a command may do more than show something.

    Args:
        platforms: the platform of each device, by name.
        command: one line.

    Raises:
        InputError: the command is refused on a device
    """
    reasons: dict[str, list[str]] = {}
    for name, platform in platforms.items():
        if words := refusal_on(platform, command):
            reasons.setdefault(words, []).append(name)
    if reasons:
        lines = [f"run: {', '.join(names)}: {words}" for words, names in reasons.items()]
        last = "on devices only such commands are run; leave the devices out: --limit '!devices'"
        raise InputError("\n".join([*lines[:-1], f"{lines[-1]}; {last}"]))
