"""Who does what in a new fleet: the hosts of each role, chosen by options or by the groups of a source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from moor.errors import InputError
from moor.init.answers import Answers
from moor.init.found import SSH_PORT, Found, FoundHost
from moor.init.host_specs import expanded, hosts_of, is_address, split_words
from moor.settings.roles import OUTSIDERS, WORKING
from moor.suggestions import did_you_mean

HARBOR, CONTROL_PLANE, NODES, WORKSTATIONS = "harbor", "control_plane", "nodes", "workstations"
PATTERN = "*?"
# A group of a source that is called like one of these would give its hosts work that nobody asked for.
MEANT_BY_MOOR = {*WORKING, OUTSIDERS}


@dataclass(frozen=True)
class Role:
    """A role of a host.

    Attributes:
        option: names its hosts
        stem: begins the name of a host of which only an address is typed
        known_as: names of its group in inventories of kubespray, kubeasz and k3s-ansible; hyphens are underscores
        groups: which its hosts are in
        single: one host has it
    """

    option: str
    stem: str
    known_as: str
    groups: tuple[str, ...]
    single: bool = True


LEADERS = "kube_control_plane kube_master kube_masters control_plane controlplane masters master server servers"
MEMBERS = "kube_node kube_nodes k8s_node k8s_nodes nodes node workers worker agents agent"
ROLES: Mapping[str, Role] = {
    HARBOR: Role("--harbor", "harbor", "harbor registry registries", (HARBOR,)),
    CONTROL_PLANE: Role("--control-plane", "cp", LEADERS, (CONTROL_PLANE, NODES)),
    NODES: Role("--nodes", "node", MEMBERS, (NODES,), single=False),
    WORKSTATIONS: Role("--workstation", "ws", "workstations workstation builders", (WORKSTATIONS,)),
}


@dataclass
class Cast:
    """The hosts with a role, in the order in which they were chosen.

    Attributes:
        left: the hosts of the source without a role
        by_group: moor's groups by the group of NetBox whose machines are in them, also later ones
        notes: for the user
    """

    hosts: dict[str, FoundHost] = field(default_factory=dict)
    left: tuple[FoundHost, ...] = ()
    by_group: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def first(self, role: str) -> FoundHost | None:
        """Return the first host with a role, or None."""
        return next((host for host in self.hosts.values() if ROLES[role].groups[0] in host.groups), None)

    def add(self, host: FoundHost, role: str) -> None:
        """Add a host, or a role to one that is there already under its name or its address."""
        same = self.hosts.get(host.name) if host.name else self._at(host)
        host = same or (host if host.name else replace(host, name=self._free_name(ROLES[role].stem)))
        lone = role if ROLES[role].single and self.first(role) is None else NODES if role == CONTROL_PLANE else role
        before = host.groups if same else ()
        own = [group for group in host.groups if group not in MEANT_BY_MOOR]
        self.hosts[host.name] = replace(host, groups=tuple(dict.fromkeys((*before, *ROLES[lone].groups, *own))))

    def _at(self, host: FoundHost) -> FoundHost | None:
        """Return the host at the address of one without a name."""
        place = (host.address, host.port or SSH_PORT)
        return next((one for one in self.hosts.values() if (one.address, one.port or SSH_PORT) == place), None)

    def _free_name(self, stem: str) -> str:
        return next(name for number in range(1, 10**6) if (name := f"{stem}{number}") not in self.hosts)


def cast_roles(answers: Answers, found: Found) -> Cast:
    """Choose the hosts of every role: those that its option names, or else those of a group of the source.

    Raises:
        InputError: every word that names no host
    """
    cast, faults = Cast(), list[str]()
    for name, role in ROLES.items():
        try:
            words = words_of(answers, name)
            hosts = _typed(words, role, found) if words else _of_groups(name, answers, found)
            _check_number(hosts, role, words)
        except InputError as error:
            faults += str(error).splitlines()
            continue
        for host in hosts:
            cast.add(host, name)
        if found.netbox:
            cast.by_group |= {word: role.groups[-1:] for word in words if word in found.groups}
        if not words and role.single and len(hosts) > 1:
            cast.notes.append(
                f"{hosts[0].name} is the one of {len(hosts)} hosts for {role.option}, which may name another"
            )
    if faults:
        raise InputError("\n".join(faults))
    cast.left = tuple(host for host in found.hosts.values() if host.name not in cast.hosts)
    cast.hosts = _shortened(cast.hosts)
    _note_left(cast, found)
    return cast


def _note_left(cast: Cast, found: Found) -> None:
    if found.netbox and cast.left:
        cast.notes.append(
            f"{len(cast.left)} machines of NetBox have no role, and are hosts all the same, which trust the registry "
            "and know its name; filters leave them out, as in --from netbox 'https://HOST?tag=moor'"
        )


def words_of(answers: Answers, role: str) -> list[str]:
    """Return the words that the option of a role has."""
    typed = answers.hosts
    words = {
        HARBOR: [answers.registry.harbor],
        CONTROL_PLANE: [typed.control_plane],
        NODES: list(typed.nodes or ()),
        WORKSTATIONS: [typed.workstation],
    }
    return list(split_words(words[role]))


def _typed(words: list[str], role: Role, found: Found) -> list[FoundHost]:
    """Return the hosts that words name: of the source by name, address, pattern or group, or new ones."""
    hosts, faults = list[FoundHost](), list[str]()
    for word in words:
        try:
            hosts += _of_source(word, found) or hosts_of(word)
        except InputError as error:
            faults.append(f"{role.option}: {word}: {error}")
    if faults:
        raise InputError("\n".join(faults))
    return hosts


def _of_source(word: str, found: Found) -> list[FoundHost]:
    """Return the hosts of the source that a word names; none for the spelling of a new host.

    Raises:
        InputError: the word can only be meant for the source, which has no such host
    """
    if not found.source:
        return []
    known = found.hosts
    if word in found.groups:
        return members(found, [word])
    if any(letter in word for letter in PATTERN):
        matched = [host for name, host in known.items() if fnmatchcase(name, word)]
    else:
        by_address = {host.address: host for host in known.values()}
        matched = [host for one in expanded(word) if (host := known.get(one) or by_address.get(one))]
    if matched or is_address(word) or any(letter in word for letter in "=@:"):
        return matched
    if any(letter in word for letter in PATTERN) or "." not in word:
        raise InputError(
            f"no host or group of {found.source} is called so{did_you_mean(word, [*known, *found.groups])}"
        )
    return []


def _of_groups(role: str, answers: Answers, found: Found) -> list[FoundHost]:
    """Return the hosts of the source's groups for a role; none for a Harbor that options say is there already."""
    typed = answers.registry
    is_there = role == HARBOR and (typed.ca or typed.login or typed.api)
    return [] if is_there else members_of_role(role, found)


def members_of_role(role: str, found: Found) -> list[FoundHost]:
    """Return the hosts of the source's groups that are known for a role."""
    return members(
        found, [name for name in found.groups if name.lower().replace("-", "_") in ROLES[role].known_as.split()]
    )


def members(found: Found, groups: Iterable[str]) -> list[FoundHost]:
    """Return the hosts that are in one of some groups, also by a group below it."""
    wanted = set(groups)
    return [host for host in found.hosts.values() if wanted & lineage(found, host.groups)]


def lineage(found: Found, groups: Iterable[str]) -> set[str]:
    """Return groups with all groups that they are in."""
    seen, todo = set[str](), list(groups)
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += found.groups.get(name, ())
    return seen


def _check_number(hosts: list[FoundHost], role: Role, words: list[str]) -> None:
    if role.single and words and len(hosts) > 1 and role.option != "--control-plane":
        raise InputError(f"{role.option}: {' '.join(host.name or host.address for host in hosts)}: it is one host")


def _shortened(hosts: Mapping[str, FoundHost]) -> dict[str, FoundHost]:
    """Call hosts that were typed by a full DNS name by its first label, where that is nobody else's."""
    labels = [name.partition(".")[0] for name in hosts]
    short = dict[str, FoundHost]()
    for name, host in hosts.items():
        label = name.partition(".")[0]
        if host.hostname or labels.count(label) > 1 or label in hosts or not label.strip("0123456789"):
            short[name] = host
        else:
            short[label] = replace(host, name=label, hostname=name)
    return short
