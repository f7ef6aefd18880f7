"""Nornir inventory plugin: SimpleInventory's three files, validated as a whole, with typed settings on every host."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nornir.core.inventory import ConnectionOptions, Defaults, Group, Groups, Host, Hosts, Inventory, ParentGroups

from moor.connections.names import NETMIKO, SHELL, connection_of
from moor.context import change_context
from moor.inventory.init_nornir import current_call
from moor.settings.access import SiteSettings
from moor.settings.active import ActiveFile
from moor.settings.document import InputFaults, Source, Tree, load_yaml, tree_of
from moor.settings.entries import ConnectionEntry, DefaultsEntry
from moor.settings.fleet import HOST_KEY, Fleet, HostFacts, InventoryLayer
from moor.settings.known_sections import KnownSections
from moor.settings.roles import (
    RegistryRole,
    add_misplaced_keys,
    check_active,
    check_exclusive_groups,
    find_role_faults,
    registry_role_of,
    serve_by_standby,
)

SSH_PORT = 22


class FleetInventory:
    """The inventory of hosts.yaml, groups.yaml and defaults.yaml; ``load`` raises InputError with every fault.

    With a ``newcomer``, a group, the inventory has one more host in that group, which stands for those to come.

    A host's ``data`` holds one validated model per section; groups and defaults keep the content of their files.
    A host's ``connection_options`` are merged key by key over those of its groups and the defaults. Its
    ``ssh_host_key`` is passed to the connection that reaches it, in the extras.
    """

    def __init__(
        self,
        host_file: str = "inventory/hosts.yaml",
        group_file: str = "inventory/groups.yaml",
        defaults_file: str = "inventory/defaults.yaml",
        site: SiteSettings | None = None,
        netbox: Mapping[str, Any] | None = None,
        newcomer: str = "",
    ) -> None:
        files = (host_file, group_file, defaults_file)
        if site is None and (call := current_call()):
            site, options = call.inventory_options()
            files, netbox = (options.host_file, options.group_file, options.defaults_file), options.plain_netbox()
        self.site = site or SiteSettings.at(Path())
        self.host_file, self.group_file, self.defaults_file = (self.site.directory / name for name in files)
        self.netbox = netbox or {}
        self.newcomer = newcomer

    def load(self) -> Inventory:
        """Read, validate and merge the files."""
        return self.load_fleet()[1]

    def load_fleet(self) -> tuple[Fleet, Inventory]:
        """Return the inventory, and the fleet that it was made of, which knows where everything is written."""
        faults = InputFaults()
        models = KnownSections(self.site.directory)
        groups, defaults = (self._tree(path, faults) for path in (self.group_file, self.defaults_file))
        hosts = self._hosts(groups, faults)
        fleet = Fleet.of(hosts, groups, defaults, models, self.site.directory, faults)
        if self.newcomer:
            source = Source("the newcomer", 1)
            fleet.add(newcomer_name(self.newcomer), tree_of({"groups": [self.newcomer]}, source))
        check_exclusive_groups(fleet)
        facts = {name: fleet.facts(name) for name in fleet.hosts}
        role = self._role(fleet, facts, faults)
        if faults.found:
            add_misplaced_keys(fleet, role, faults)
        faults.raise_if_any()
        inventory = self._inventory(fleet, facts)
        change_context(
            inventory,
            fleet=inventory,
            role_faults=find_role_faults(fleet, role),
            runs_registry=role.is_own,
            registry_host=role.host,
            registry_pair=role.pair,
            serving_host=role.serving,
        )
        check_addresses(inventory, {name: host.source for name, host in facts.items()}, faults)
        faults.raise_if_any()
        return fleet, inventory

    def _role(self, fleet: Fleet, facts: dict[str, HostFacts], faults: InputFaults) -> RegistryRole:
        """Return who runs the registry, after putting the addresses of the one that serves into all settings."""
        data = {name: host.data for name, host in facts.items()}
        active, tree = ActiveFile.of(self.site.active, self.site.directory).read(faults)
        role = registry_role_of(fleet, data, active)
        if not faults.found:  # another fault may be why a registry is not known
            check_active(active, tree, role, faults)
            serve_by_standby(data, role)
        return role

    def _hosts(self, groups: Tree, faults: InputFaults) -> Tree:
        """Return the hosts of hosts.yaml; a subclass may add others, in the groups that ``groups`` defines."""
        return self._tree(self.host_file, faults)

    def _tree(self, path: Path, faults: InputFaults) -> Tree:
        """Read one file; missing groups and defaults files count as empty, as in Nornir."""
        shown = str(path.relative_to(self.site.directory) if path.is_relative_to(self.site.directory) else path)
        if path != self.host_file and not path.exists():
            return Tree(Source(shown, 1), {})
        return load_yaml(path, shown, faults)

    def _inventory(self, fleet: Fleet, facts: dict[str, HostFacts]) -> Inventory:
        defaults = _defaults(fleet.defaults)
        groups = Groups({name: _group(name, layer, defaults) for name, layer in fleet.groups.items()})
        for name, layer in fleet.groups.items():
            groups[name].groups = ParentGroups([groups[parent] for parent in layer.groups])
        hosts = Hosts({name: _host(name, host, groups, defaults) for name, host in facts.items()})
        inventory = Inventory(hosts=hosts, groups=groups, defaults=defaults)
        change_context(inventory, site=self.site, addresses=_addresses(fleet, hosts))
        return inventory


def newcomer_name(group: str) -> str:
    """Return the name of the host that stands for those of a group that are yet to come."""
    return f"new-{group}"


def check_addresses(inventory: Inventory, sources: dict[str, Source], faults: InputFaults) -> None:
    """Add a fault for each host whose address and port another host has: a run would change one machine twice."""
    names = defaultdict(list)
    for host in inventory.hosts.values():
        options = host.get_connection_parameters(connection_of(host))
        names[options.hostname, options.port or SSH_PORT].append(host.name)
    for (address, port), (first, *others) in names.items():
        for name in others:
            faults.add(
                sources[name].below("hostname"), f"{address} port {port} is {first}'s already; correct one of the two"
            )


def _addresses(fleet: Fleet, hosts: Hosts) -> dict[str, dict[str, str]]:
    """Return the addresses of the hosts of each group, by name."""
    found: dict[str, dict[str, str]] = {group: {} for group in fleet.groups}
    for name, host in hosts.items():
        for group in fleet.lineage(fleet.hosts[name]):
            found[group][name] = host.hostname or name
    return found


def _defaults(layer: InventoryLayer) -> Defaults:
    entry = layer.entry
    return Defaults(
        entry.hostname, entry.port, entry.username, _password(entry), entry.platform, dict(entry.data), _options(entry)
    )


def _group(name: str, layer: InventoryLayer, defaults: Defaults) -> Group:
    entry = layer.entry
    return Group(
        name,
        entry.hostname,
        entry.port,
        entry.username,
        _password(entry),
        entry.platform,
        data=dict(entry.data),
        connection_options=_options(entry),
        defaults=defaults,
    )


def _host(name: str, facts: HostFacts, groups: Groups, defaults: Defaults) -> Host:
    entry = facts.entry
    host = Host(
        name,
        entry.hostname,
        entry.port,
        entry.username,
        _password(entry),
        entry.platform,
        ParentGroups([groups[group] for group in entry.groups]),
        facts.data,
        {kind: _connection(options) for kind, options in facts.connections.items()},
        defaults,
    )
    host.hostname = host.hostname or name  # own or inherited, else the name is the address
    _pass_keys(host, facts)
    return host


def _pass_keys(host: Host, facts: HostFacts) -> None:
    """Put the host's pinned key into the extras of its connections, and the shell's known_hosts into netmiko's."""
    shell = facts.connections.get(SHELL)
    known = shell.extras.plain().get("known_hosts") if shell else None
    pinned = {HOST_KEY: list(facts.data[HOST_KEY])} if facts.data.get(HOST_KEY) else {}
    for kind in dict.fromkeys((connection_of(host), NETMIKO)):
        keys = {"known_hosts": known} if known and kind == NETMIKO else {}
        if keys or pinned:
            options = host.connection_options.setdefault(kind, ConnectionOptions())
            options.extras = {**keys, **(options.extras or {}), **pinned}


def _options(entry: DefaultsEntry) -> dict[str, ConnectionOptions]:
    return {kind: _connection(options) for kind, options in entry.connection_options.items()}


def _connection(options: ConnectionEntry) -> ConnectionOptions:
    """Return Nornir's ConnectionOptions; a password stays a reference, which is resolved when the connection opens."""
    extras = options.extras.plain() or None
    return ConnectionOptions(
        options.hostname, options.port, options.username, _password(options), options.platform, extras
    )


def _password(entry: DefaultsEntry | ConnectionEntry) -> str | None:
    return entry.password.reference if entry.password else None
