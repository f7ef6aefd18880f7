"""Hosts out of a kubeconfig: the nodes of its cluster, as the API lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moor.errors import HostError, InputError
from moor.init.answers import Answers
from moor.init.found import Found, FoundHost
from moor.init.sources.naming import valid_name
from moor.inventory.cluster import NODES, entry_of_node
from moor.inventory.nodes import TALOS, Node, read_nodes

LEADERS = "control_plane"


def read(where: str, answers: Answers) -> Found:
    """Return the nodes of the cluster; raise InputError if it cannot be asked for them."""
    path = Path(where).expanduser()
    try:
        nodes = read_nodes(path.absolute(), "")
    except HostError as error:
        raise InputError(f"--from kubeconfig: {error}") from error
    hosts = dict[str, FoundHost]()
    for node in nodes:
        if node.addresses and node.distribution != "talos":
            name = valid_name(node.name, hosts)
            hosts[name] = _host(name, node)
    if not hosts:
        raise InputError(f"{path}: the cluster has no node that SSH reaches, with which a fleet could begin")
    unreached = [node.name for node in nodes if node.distribution == "talos"]
    notes = (f"{' '.join(unreached)}: {TALOS}",) if unreached else ()
    groups: dict[str, tuple[str, ...]] = {NODES: (), LEADERS: ()}
    return Found(str(path), hosts, groups, kubeconfig=Path(where), notes=notes)


def _host(name: str, node: Node) -> FoundHost:
    entry: dict[str, Any] = entry_of_node(node)
    data = {**entry.get("data", {}), **({"node": {"name": node.name}} if name != node.name else {})}
    return FoundHost(name, entry["hostname"], groups=(LEADERS if node.leads else NODES,), data=data)
