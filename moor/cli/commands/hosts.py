"""The actions of hosts, hosts adopt and onboard: compare inventory and cluster, and add nodes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from nornir.core import Nornir
from nornir.core.inventory import Host

from moor.cli.commands import fleet
from moor.cli.commands.running import (
    open_fleet,
    print_safely,
    progress_printer,
    refuse_other_output,
    runbook_of,
    worst_code,
)
from moor.cli.commands.screen import working
from moor.cli.options import DIFFERS, Options, Output
from moor.cli.rolling import RollingWords
from moor.connections.names import KUBERNETES, connection_of
from moor.connections.ssh.pinning import describe_key, key_scan_of
from moor.context import context_of, fleet_of, site_of
from moor.errors import InputError, MoorError
from moor.folding import fold
from moor.inventory.cluster import NODES
from moor.inventory.identity import HostIdentity, ask_identities, node_name_in
from moor.inventory.joining import HostsFileDraft, add_hosts, adoptable_nodes, entries_of
from moor.inventory.nodes import Node, NodePairs, pair_nodes, read_nodes
from moor.output import text
from moor.run.foresight import resources_ahead
from moor.settings.config import read_config

Confirm = Callable[[str], bool]
AT_ONCE = RollingWords(outside_window=True)  # a new node serves nobody yet


def hosts(options: Options) -> int:
    """Compare inventory and cluster: 0 if they agree, 2 if they differ, 1 on an error."""
    refuse_other_output(options, "hosts: it is")
    with open_fleet(options, dry_run=True) as nr, working("ask the cluster and its nodes", options.quiet):
        nodes = nodes_of(nr)
        rows = list(_rows(nr, pairing(nr, nodes or ()), cluster=nodes is not None))
    if options.output is Output.json:
        print_safely(json.dumps({"schema": 1, "hosts": [asdict(row) for row in rows]}, indent=2))
    else:
        columns = [column.name.replace("_", " ") for column in fields(MemberRow)[:-1]]
        print_safely(text.table(columns, (astuple(row)[:-1] for row in rows)))
    return 0 if all(row.agrees for row in rows) else DIFFERS


@dataclass(frozen=True)
class MemberRow:
    """One host or node; ``agrees`` is true if inventory and cluster match."""

    host: str
    address: str
    groups: str
    in_inventory: str
    in_cluster: str
    host_key: str
    ready: str
    runtime: str
    os: str
    distribution: str
    agrees: bool


def nodes_of(nr: Nornir) -> list[Node] | None:
    """Return the nodes of the inventory's cluster; None if it has none, or one whose nodes nobody logs in to.

    Raises:
        HostError: the cluster does not answer
        InputError: its kubeconfig cannot be used
    """
    known = (host.data.get("cluster") for host in fleet_of(nr).hosts.values() if connection_of(host) != KUBERNETES)
    cluster: Any = next((section for section in known if section), None)
    return read_nodes(Path(cluster.kubeconfig), cluster.context) if cluster else None


def pairing(nr: Nornir, nodes: Sequence[Node]) -> NodePairs:
    """Match hosts to nodes; hosts that match by neither name nor address are asked for their identity."""
    addresses, fleet = _addresses(nr), fleet_of(nr).hosts
    known = {name: HostIdentity(node_name_in(fleet[name].data)) for name in addresses}
    found = pair_nodes(addresses, nodes, known)
    members = {name for name in addresses if fleet[name].has_parent_group(NODES)}
    if found.strangers and (unsure := members - set(found.nodes)):
        identities = ask_identities(nr, unsure)
        known |= {name: replace(identity, node=known[name].node) for name, identity in identities.items()}
        found = pair_nodes(addresses, nodes, known)
    return found


def _addresses(nr: Nornir) -> dict[str, str]:
    """Return the addresses of the hosts in the inventory's files."""
    every = fleet_of(nr).hosts.values()
    joined = context_of(nr).joined
    return {host.name: host.hostname or host.name for host in every if host.name not in joined}


def _rows(nr: Nornir, found: NodePairs, cluster: bool) -> Iterator[MemberRow]:
    for name, host in nr.inventory.hosts.items():
        if name not in context_of(nr).joined and connection_of(host) != KUBERNETES:
            node, member = found.nodes.get(name), host.has_parent_group(NODES)
            groups = " ".join(group.name for group in host.groups)
            inside = _yes_or_no(node is not None) if cluster and (member or node) else "-"
            agrees = not cluster or bool(node) == member
            yield MemberRow(name, host.hostname or name, groups, "yes", inside, _key(nr, host), *_of_node(node), agrees)
    for node in found.strangers:
        yield MemberRow(node.name, " ".join(node.addresses[:1]), "", "no", "yes", "-", *_of_node(node), False)


def _of_node(node: Node | None) -> tuple[str, str, str, str]:
    if node is None:
        return "-", "-", "-", "-"
    return _yes_or_no(not node.trouble), node.runtime, node.os_image, node.distribution


def _yes_or_no(truth: bool) -> str:
    return "yes" if truth else "no"


def _key(nr: Nornir, host: Host) -> str:
    return "known" if key_scan_of(host, nr.config.ssh.config_file).is_known() else "unknown"


def adopt(options: Options, names: Sequence[str], confirm: Confirm) -> int:
    """Add nodes to hosts.yaml and pin their keys, all or none: 0 done or declined, 1 error."""
    with open_fleet(options, dry_run=True) as nr:
        nodes = nodes_of(nr)
        if nodes is None:
            raise InputError("hosts adopt: the inventory names no cluster; data.cluster.kubeconfig is missing")
        chosen = adoptable_nodes(names, _addresses(nr), nodes, pairing(nr, nodes))
        site, config_file = site_of(nr), nr.config.ssh.config_file
    files = read_config(site.directory).inventory.options.model_dump(exclude={"netbox"})
    with HostsFileDraft(site, files, partial(add_hosts, entries=entries_of(chosen))) as draft:
        inventory = draft.inventory()
        doors = [key_scan_of(inventory.hosts[node.name], config_file) for node in chosen]
        keys = {door: door.scan() for door in doors if not door.is_known()}
        for door in doors:
            words = describe_key(keys[door]) if door in keys else "its key is pinned already"
            print_safely(f"{door.called} at {door.where.hostname}: {words}")
        if not confirm(f"Take {fold([node.name for node in chosen], ', ')} into {draft.target}?"):
            return 0
        for door, key in keys.items():
            door.pin(key)
        print_safely(f"written to {draft.keep()}")
    return 0


def onboard(options: Options, names: Sequence[str], confirm: Confirm) -> int:
    """Adopt, configure and verify nodes, each independently: 0 if all pull, 2 for a fault, 1 on an error."""
    codes = {name: _onboarded(options, name, confirm) for name in dict.fromkeys(names)}
    print_safely("\n".join(f"{name}: {words}" for name, (_, words) in codes.items()))
    return worst_code(code for code, _ in codes.values())


def _onboarded(options: Options, name: str, confirm: Confirm) -> tuple[int, str]:
    try:
        if not _is_host(options, name):
            adopt(options, [name], confirm)
            if not _is_host(options, name):
                return 1, "left out"
        progress_printer(options)(f"{name}: apply and verify")
        if is_guarded(options) and fleet.apply(replace(options, limit=None), "firewall", AT_ONCE):
            return 1, "the registry could not be opened to it; what failed is above, and the same command goes on"
        alone = replace(options, limit=name)
        if fleet.apply(alone, "site", AT_ONCE):
            return 1, "could not be configured; what failed is above, and the same command goes on"
        code = fleet.verify(alone)
        return code, "pulls from the registry" if code == 0 else "does not pull yet; moor diagnose says why"
    except MoorError as error:
        return 1, str(error).removeprefix(f"{name}: ")


def is_guarded(options: Options) -> bool:
    """Return whether a firewall that moor manages may have to admit a new host."""
    with open_fleet(replace(options, limit=None, quiet=True), dry_run=True) as nr:
        stages = runbook_of(nr, "firewall").stages
        return any(any(resources_ahead(host, stages)) for host in nr.inventory.hosts.values())


def _is_host(options: Options, name: str) -> bool:
    with open_fleet(replace(options, limit=None, quiet=True), dry_run=True) as nr:
        return name in nr.inventory.hosts and name not in context_of(nr).joined
