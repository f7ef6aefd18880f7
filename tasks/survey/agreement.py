"""From what each host says to what stands in which file: defaults, groups, hosts; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from moor.tasks.survey.host_settings import HOSTS
from moor.tasks.survey.setting import Setting

Key = tuple[str, ...]
SHARING = ("nodes", "workstations", "harbor")  # groups whose hosts are usually alike


@dataclass(frozen=True)
class Line:
    """One value in a file of the inventory.

    Attributes:
        hosts: the hosts that say so, each with where it was read
    """

    key: Key
    value: Any
    hosts: Mapping[str, str]


@dataclass
class Agreed:
    """What the files of the inventory should say.

    Attributes:
        groups: lines by group
        hosts: lines by host
        questions: what only a person can decide
    """

    defaults: list[Line] = field(default_factory=list)
    groups: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))
    hosts: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))
    questions: list[str] = field(default_factory=list)


def agree(said: Mapping[str, Iterable[Setting]], groups: Mapping[str, Mapping[str, str]]) -> Agreed:
    """Put each setting where it holds: what most hosts say of the fleet goes into the defaults, the rest to hosts.

    Args:
        said: by host
        groups: of each host, each with what says so
    """
    found, by_key = Agreed(), _by_key(said)
    for key, values in by_key.items():
        if values.whole_fleet:
            _of_fleet(found, key, values)
        elif values.shared:
            _of_groups(found, key, values, groups)
        else:
            _of_hosts(found, key, values, groups)
    for host, its in groups.items():
        if its:
            found.hosts[host].insert(0, Line(("groups",), list(its), {host: ", ".join(dict.fromkeys(its.values()))}))
    _question_names(found, said)
    return found


@dataclass
class Values:
    """The values of one key: each with the hosts that say it."""

    whole_fleet: bool
    shared: bool
    of: list[tuple[Any, dict[str, str]]] = field(default_factory=list)

    def add(self, value: Any, host: str, source: str) -> None:
        for known, hosts in self.of:
            if known == value:
                hosts.setdefault(host, source)
                return
        self.of.append((value, {host: source}))

    @property
    def ranked(self) -> list[tuple[Any, dict[str, str]]]:
        return sorted(self.of, key=lambda one: -len(one[1]))


def _by_key(said: Mapping[str, Iterable[Setting]]) -> dict[Key, Values]:
    found: dict[Key, Values] = {}
    for host, settings in said.items():
        for one in settings:
            found.setdefault(one.key, Values(one.whole_fleet, one.shared)).add(one.value, host, one.source)
    return found


def _of_fleet(found: Agreed, key: Key, values: Values) -> None:
    (value, hosts), *others = values.ranked
    if key == ("data", "names", "mode"):
        return  # decided for all keys of names together
    if value is not False or key[-1] != "fallback":  # which is the default
        found.defaults.append(Line(key, value, hosts))
    for other, where in others:
        words = "; ".join(f"{host} says {_shown(other)} ({source})" for host, source in where.items())
        found.questions.append(f"{'.'.join(key)}: {_shown(value)} is proposed, and {words}: which one is right?")


def _of_hosts(found: Agreed, key: Key, values: Values, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Put a value of all nodes into their group, any other to its host."""
    (value, hosts), *others = values.ranked
    nodes = {name for name, its in groups.items() if "nodes" in its}
    if not others and len(hosts) > 1 and set(hosts) == nodes:
        found.groups["nodes"].append(Line(key, value, hosts))
        return
    for each, where in values.of:
        for host, source in where.items():
            found.hosts[host].append(Line(key, each, {host: source}))


def _of_groups(found: Agreed, key: Key, values: Values, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Put a value of all hosts with a role into the defaults, one of a whole group there, any other to its host."""
    every = {name for name, its in groups.items() if its}
    members = {group: {name for name, its in groups.items() if group in its} for group in SHARING}
    for value, hosts in values.of:
        if len(hosts) > 1 and every <= set(hosts):
            found.defaults.append(Line(key, value, hosts))
            return
        left = dict(hosts)
        for group, its in members.items():
            if len(its) > 1 and its <= set(hosts) and not its.isdisjoint(left):
                found.groups[group].append(Line(key, value, {name: hosts[name] for name in hosts if name in its}))
                left = {name: source for name, source in left.items() if name not in its}
        for name, source in left.items():
            found.hosts[name].append(Line(key, value, {name: source}))


def _question_names(found: Agreed, said: Mapping[str, Iterable[Setting]]) -> None:
    """Write mode dns where the name comes from DNS: for the fleet if no hosts file has it, else for these hosts."""
    address = ("data", "registry", "address")
    by_file = [one for its in said.values() for one in its if one.key == address and one.source == HOSTS]
    mode = ("data", "names", "mode")
    by_dns = {host: one.source for host, its in said.items() for one in its if one.key == mode}
    if by_dns and not by_file:
        found.defaults.append(Line(mode, "dns", by_dns))
    elif by_dns:
        for host, source in by_dns.items():
            found.hosts[host].append(Line(mode, "dns", {host: source}))


def lacking(found: Agreed, nodes: Iterable[str]) -> Iterator[str]:
    """Yield a question for each mirror that some of the nodes lack."""
    every = list(nodes)
    for line in found.defaults:
        if line.key[:2] == ("data", "mirrors") and len(line.key) == 3:
            without = [name for name in every if name not in line.hosts]
            if without:
                yield f"{'.'.join(line.key)}: {' '.join(without)} does not have it, and moor plan would add it there"


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
