"""What in the cluster may need a former login still: pull secrets of others, and nodes that proved no pull."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from nornir.core.task import Result, Task

from moor.context import fleet_of
from moor.errors import HostError, UnreadableSecret
from moor.inventory.identity import HostIdentity, node_name_in
from moor.inventory.nodes import Node, node_of, pair_nodes
from moor.settings import optional_settings_of, settings_of
from moor.tasks.cluster.api import Tree, lacks_right, open_cluster
from moor.tasks.cluster.settings import ClusterSettings
from moor.tasks.facts import Registry
from moor.tasks.pull_secrets.cluster_view import list_all
from moor.tasks.registry.logins import DATA_KEYS, place_of, read_logins
from moor.tasks.robot_rotation.rotated import RotatedRobot, replaced

NODES = "nodes"
SHOWN = 10  # names in one sentence


def find_former_in_cluster(task: Task) -> Result:
    """Find what in the cluster may need a former login still; nothing is changed.

    Raises:
        HostError: there is something
    """
    robots = replaced(task.host)
    if not robots or optional_settings_of(task.host, ClusterSettings) is None:
        return Result(host=task.host, result="no former login is valid")
    open_cluster(task)
    port = settings_of(task.host, Registry).host_port
    secrets = [one for kind in DATA_KEYS for one in _list(task, "Secret", fields={"type": kind})]
    if words := [*_secrets_of_others(secrets, robots, port), *_strangers(task, robots, port)]:
        raise HostError("\n".join(words))
    return Result(host=task.host, result=f"{len(secrets)} pull secrets looked at")


def _list(task: Task, kind: str, **selected: object) -> list[Tree]:
    """Return the objects of the whole cluster; none where the user may not list them."""
    try:
        return list_all(task, kind, **selected)
    except HostError as error:
        if lacks_right(error):
            return []
        raise


def _secrets_of_others(secrets: Sequence[Tree], robots: Iterable[RotatedRobot], host_port: str) -> Iterator[str]:
    for robot in robots:
        user = robot.account.generations.former_user
        if places := [place for one in secrets if (place := _place_with(one, user, host_port))]:
            more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
            yield (
                f"{', '.join(places[:SHOWN])}{more}: logs in as {user}, which a rotation is about to revoke, and moor "
                "does not write it; name its namespace in data.pull_secrets, or write the login of "
                f"{robot.account.present} into it"
            )


def _place_with(secret: Tree, user: str, host_port: str) -> str:
    """Return NAMESPACE/NAME of a secret that logs in to the registry as a user; empty if it does not."""
    try:
        logins = read_logins(secret) or {}
    except UnreadableSecret:
        return ""
    ours = [login for key, login in logins.items() if (place_of(key) or "").partition("/")[0] == host_port]
    metadata = secret["metadata"]
    return f"secret:{metadata['namespace']}/{metadata['name']}" if any(one.user == user for one in ours) else ""


def _strangers(task: Task, robots: Iterable[RotatedRobot], host_port: str) -> Iterator[str]:
    held = [robot.id for robot in robots if robot.robot.unproved_nodes == "refuse"]
    nodes = [node_of(one) for one in _list(task, "Node")] if held else []
    if found := strange_nodes(nodes, _addresses(task), _list(task, "Pod") if nodes else [], host_port):
        yield (
            f"{', '.join(found)}: runs pods from the registry and is no host of group nodes, so that it cannot prove "
            f"that it pulls by the new login of {', '.join(held)}; moor onboard it, or write unproved_nodes: accept "
            "for the robot"
        )


def _addresses(task: Task) -> Mapping[str, tuple[str, str]]:
    """Return address and node name of every host of group nodes."""
    hosts = fleet_of(task).hosts.items()
    return {
        name: (host.hostname or name, node_name_in(host.data)) for name, host in hosts if host.has_parent_group(NODES)
    }


def strange_nodes(
    nodes: Sequence[Node], hosts: Mapping[str, tuple[str, str]], pods: Iterable[Tree], host_port: str
) -> list[str]:
    """Return the nodes that run pods from the registry and are no hosts.

    Args:
        hosts: address and node name of each host, by its name; the node's name may be unknown
        pods: of the whole cluster
    """
    known = {name: HostIdentity(node) for name, (_, node) in hosts.items()}
    paired = pair_nodes({name: address for name, (address, _) in hosts.items()}, list(nodes), known)
    strangers = {node.name for node in paired.strangers}
    busy = {str((pod.get("spec") or {}).get("nodeName")) for pod in pods if _is_from(pod, host_port)}
    return sorted(strangers & busy)


def _is_from(pod: Tree, host_port: str) -> bool:
    spec = pod.get("spec") or {}
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    return any(str(one.get("image", "")).partition("/")[0] == host_port for one in containers)
