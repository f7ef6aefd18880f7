"""The syntax of Junos and VyOS, whose configurations are lists of commands that are committed together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from moor.tasks.devices.acl.text import ListOnDevice, ListSyntax, remediation


@dataclass(frozen=True)
class CommandSyntax(ListSyntax):
    """Access lists as commands; a node is a part that is deleted as a whole, such as a term or a rule.

    Attributes:
        platform: hier-config's name for it
        entry: a pattern for nodes of the list NAME
        hook: a pattern for nodes that apply a list somewhere
        by: the end of the line in a hook that names the list NAME
        interface: a pattern for lines about an interface; its groups are the parts of the interface's name
        ordered: whether the order of nodes matters, since the first that matches decides
    """

    platform: str
    entry: str
    hook: str
    by: str
    interface: str
    ordered: bool = False

    def check(self, configuration: str) -> None:
        strange = [line for line in configuration.splitlines() if line and not line.startswith(("set ", "deactivate "))]
        if strange or not configuration.strip():
            raise ValueError(f"{strange[0] if strange else ''!r} is not a line of a configuration")
        if not re.search(self.interface, configuration, re.MULTILINE):
            raise ValueError("it has no interface")

    def started(self, configuration: str) -> str:
        from hier_config.platforms.functions import convert_to_set_commands

        return convert_to_set_commands(configuration)

    def find(self, configuration: str, name: str) -> ListOnDevice:
        text = configuration.replace("'", "").replace('"', "")
        lists = self._nodes(text, self.entry.replace("NAME", re.escape(name)))
        hooks = self._nodes(text, self.hook)
        ours = {
            node: lines
            for node, lines in hooks.items()
            if any(line.endswith(self.by.replace("NAME", name)) for line in lines)
        }
        order = list(lists) if self.ordered else sorted(lists, key=_natural)
        shown = [*(lists[node] for node in order), *(ours[node] for node in sorted(ours, key=_natural))]
        return ListOnDevice(
            "\n".join(line for lines in shown for line in sorted(lines)),
            frozenset(".".join(filter(None, found)) for found in re.findall(self.interface, text, re.MULTILINE)),
            frozenset(node.removeprefix("set ") for node in ours),
            {
                node.removeprefix("set "): lines[-1].removeprefix(node).strip()
                for node, lines in hooks.items()
                if node not in ours
            },
        )

    def _nodes(self, text: str, pattern: str) -> Mapping[str, list[str]]:
        """Return the lines of each node in the device's order; a deactivated line belongs to its node too."""
        found: dict[str, list[str]] = {}
        for line in text.splitlines():
            if node := re.match(pattern, re.sub("^deactivate ", "set ", line)):
                found.setdefault(node[0], []).append(line.rstrip())
        return found

    def remedy(self, before: str, after: str, name: str) -> list[str]:
        inactive = [line for line in before.splitlines() if line.startswith("deactivate ")]
        active = "\n".join(line for line in before.splitlines() if line not in inactive)
        activated = [re.sub("^deactivate", "activate", line) for line in inactive]
        return [*activated, *self._changed(active, after, name)]

    def _changed(self, before: str, after: str, name: str) -> list[str]:
        from hier_config import Platform, get_hconfig_driver

        pattern = f"{self.entry.replace('NAME', re.escape(name))}|{self.hook}"
        old, new = self._nodes(before, pattern), self._nodes(after, pattern)
        if self.ordered and [node for node in old if node in new] != [node for node in new if node in old]:
            return self._recreate(old, new)
        gone = [f"delete {node.removeprefix('set ')}" for node in old if node not in new]
        kept = "\n".join(line for node, lines in old.items() if node in new for line in lines)
        return [*gone, *remediation(get_hconfig_driver(Platform[self.platform]), kept, after)]

    def _recreate(self, old: Mapping[str, list[str]], new: Mapping[str, list[str]]) -> list[str]:
        """Return commands that delete every node and set it again, since nodes are ordered by their creation."""
        deleted = [f"delete {node.removeprefix('set ')}" for node in old]
        return [*deleted, *(line for lines in new.values() for line in lines)]


def _natural(node: str) -> list[tuple[int, str]]:
    """Return a sort key by which rule 9 comes before rule 10."""
    return [(int(word), "") if word.isdigit() else (0, word) for word in node.split()]


JUNOS = CommandSyntax(
    "JUNIPER_JUNOS",
    entry=r"set firewall family inet filter NAME(?: term \S+|$)",
    hook=r"set interfaces \S+ unit \d+ family inet filter (?:input|output)",
    by=" NAME",
    interface=r"^set interfaces (\S+) unit (\d+)",
    ordered=True,
)
VYOS = CommandSyntax(
    "VYOS",
    entry=r"set firewall ipv4 name NAME (?:rule \d+|default-action)",
    hook=r"set firewall ipv4 forward filter rule \d+",
    by=" jump-target NAME",
    interface=r"^set interfaces \S+ (\S+)(?: vif (\d+))?",
)
