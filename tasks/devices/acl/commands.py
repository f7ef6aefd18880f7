"""The syntax of Junos and VyOS, whose configurations are lists of commands that are committed together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from moor.tasks.devices.acl.text import ListOnDevice, ListSyntax, canonical, names_of, remediation


@dataclass(frozen=True)
class CommandSyntax(ListSyntax):
    """Access lists as commands; a node is a part that is deleted as a whole, such as a term or a rule.

    Attributes:
        platform: hier-config's name for it
        heads: the first words of a list of IPv4 and of IPv6, before its name
        part: a pattern for the nodes of a list, after its name
        hook: a pattern for nodes that apply a list somewhere
        by: what stands before the name in the line of a hook that names the list
        interface: a pattern for lines about an interface; its groups are the parts of the interface's name
        ordered: whether the order of nodes matters, since the first that matches decides
    """

    platform: str
    heads: tuple[str, str]
    part: str
    hook: str
    by: str
    interface: str
    ordered: bool = False

    def check(self, configuration: str) -> None:
        strange = [
            line for line in configuration.splitlines() if line.strip() and not line.startswith(("set ", "deactivate "))
        ]
        if strange or not configuration.strip():
            raise ValueError(f"{strange[0] if strange else ''!r} is not a line of a configuration")
        if not re.search(self.interface, configuration, re.MULTILINE):
            raise ValueError("it has no interface")

    def started(self, configuration: str) -> str:
        from hier_config.platforms.functions import convert_to_set_commands

        return convert_to_set_commands(configuration)

    def find(self, configuration: str, name: str) -> ListOnDevice:
        text = configuration.replace("'", "").replace('"', "")
        hooks = self._nodes(text, self.hook)
        by = tuple(f"{self.by}{own}" for own in names_of(name))
        ours = {node: lines for node, lines in hooks.items() if any(line.endswith(by) for line in lines)}
        lists = [lines for head in self._lists(name) for lines in self._in_order(text, head)]
        shown = [*lists, *(ours[node] for node in sorted(ours, key=_natural))]
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

    def _lists(self, name: str) -> tuple[str, ...]:
        return tuple(f"{head} {own}" for head, own in zip(self.heads, names_of(name), strict=True))

    def _in_order(self, text: str, head: str) -> list[list[str]]:
        """Return the lines of each node of a list, in the order that counts."""
        nodes = self._nodes(text, re.escape(head) + self.part)
        return [nodes[node] for node in (nodes if self.ordered else sorted(nodes, key=_natural))]

    def _nodes(self, text: str, pattern: str) -> Mapping[str, list[str]]:
        """Return the lines of each node in the device's order; a deactivated line belongs to its node too."""
        found: dict[str, list[str]] = {}
        for line in text.splitlines():
            if node := re.match(pattern, re.sub("^deactivate ", "set ", line)):
                found.setdefault(node[0], []).append(canonical(line.rstrip()))
        return found

    def remedy(self, before: str, after: str, name: str) -> list[str]:
        inactive = [line for line in before.splitlines() if line.startswith("deactivate ")]
        active = "\n".join(line for line in before.splitlines() if line not in inactive)
        activated = [re.sub("^deactivate", "activate", line) for line in inactive]
        return [*activated, *self._changed(active, after, name)]

    def _changed(self, before: str, after: str, name: str) -> list[str]:
        from hier_config import Platform, get_hconfig_driver

        lists = self._lists(name)
        pattern = f"(?:{'|'.join(map(re.escape, lists))}){self.part}|{self.hook}"
        old, new = self._nodes(before, pattern), self._nodes(after, pattern)
        anew = [head for head in lists if head not in after or (self.ordered and not _appended(old, new, head))]
        gone = [node for node in old if self._is_gone(old[node], new.get(node, [])) or _is_of(node, anew)]
        kept = "\n".join(line for node, lines in old.items() if node not in gone for line in lines)
        return [*_deleted(gone, anew), *remediation(get_hconfig_driver(Platform[self.platform]), kept, after)]

    def _is_gone(self, old: Sequence[str], new: Sequence[str]) -> bool:
        """Return whether a node is deleted: it is not wanted, or a line of it is not, whose parents would stay."""
        return not new or (not self.ordered and not {*old} <= {*new})


def _appended(old: Iterable[str], new: Iterable[str], head: str) -> bool:
    """Return whether new nodes of a list come last, as a device adds them."""
    present, wanted = ([node for node in nodes if _is_of(node, [head])] for nodes in (old, new))
    kept = [node for node in present if node in wanted]
    return wanted == [*kept, *(node for node in wanted if node not in kept)]


def _is_of(node: str, lists: Sequence[str]) -> bool:
    return node in lists or node.startswith(tuple(f"{head} " for head in lists))


def _deleted(nodes: Iterable[str], lists: Sequence[str]) -> list[str]:
    """Return commands that delete nodes, and of ``lists`` all at once."""
    whole = [next((head for head in lists if _is_of(node, [head])), node) for node in nodes]
    return [f"delete {node.removeprefix('set ')}" for node in dict.fromkeys(whole)]


def _natural(node: str) -> list[tuple[int, str]]:
    """Return a sort key by which rule 9 comes before rule 10."""
    return [(int(word), "") if word.isdigit() else (0, word) for word in node.split()]


JUNOS = CommandSyntax(
    "JUNIPER_JUNOS",
    heads=("set firewall family inet filter", "set firewall family inet6 filter"),
    part=r"(?: term \S+|$)",
    hook=r"set interfaces \S+ unit \d+ family inet6? filter (?:input|output)",
    by=" ",
    interface=r"^set interfaces (\S+) unit (\d+)",
    ordered=True,
)
VYOS = CommandSyntax(
    "VYOS",
    heads=("set firewall ipv4 name", "set firewall ipv6 name"),
    part=r" (?:rule \d+|default-action)",
    hook=r"set firewall ipv[46] forward filter rule \d+",
    by=" jump-target ",
    interface=r"^set interfaces \S+ (\S+)(?: vif (\d+))?",
)
