"""The scheduler: chooses a node for every pod."""

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from .. import kinds
from ..objects import Object, clone, condition, containers, dig, name_of, namespace_of, owner, set_condition, timestamp
from ..placement import fits_node, tolerates, untolerated
from .claims import SELECTED, claim_names
from .snapshot import Actions, Bind, RecordEvent, Replace, Snapshot, is_active, is_leaving

COMPONENT = "default-scheduler"
UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
"""The taint that a cordoned node has; daemons tolerate it."""

UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "m": 1e-3}


@dataclass
class Load:
    """A node and the pods that are bound to it."""

    node: Object
    pods: list[Object] = field(default_factory=list)

    @property
    def ports(self) -> set[tuple[str, int]]:
        """Return the ports that its pods take."""
        return {port for pod in self.pods for port in ports(pod)}

    def free(self, resource: str) -> float:
        """Return how much cpu or memory no pod has requested."""
        whole = quantity(dig(self.node, "status", "allocatable", resource) or "0")
        return whole - sum(requested(pod, resource) for pod in self.pods)


def quantity(text: str | float) -> float:
    """Return a quantity as a number: ``100m``, ``64Mi``, ``2``."""
    text = str(text)
    unit = next((unit for unit in UNITS if text.endswith(unit)), "")
    return float(text.removesuffix(unit)) * UNITS.get(unit, 1)


def requested(pod: Object, resource: str) -> float:
    """Return how much of a resource the pod's containers request."""
    wanted = [container.get("resources", {}) for container in pod["spec"]["containers"]]
    return sum(quantity((one.get("requests") or one.get("limits") or {}).get(resource, 0)) for one in wanted)


def ports(pod: Object) -> set[tuple[str, int]]:
    """Return the node's ports that a pod uses: all of the pod's, since containers share the node's network."""
    listed = [port for container in containers(pod["spec"]) for port in container.get("ports", [])]
    return {(port["protocol"], port.get("hostPort") or port["containerPort"]) for port in listed}


def plan(snapshot: Snapshot) -> Actions:
    """Bind every pod without a node, or record why it cannot be scheduled."""
    placed = [pod for pod in snapshot.of(kinds.POD) if pod["spec"].get("nodeName") and not _is_over(pod)]
    loads = [
        Load(node, [pod for pod in placed if pod["spec"]["nodeName"] == name_of(node)])
        for node in snapshot.of(kinds.NODE)
    ]
    for pod in snapshot.of(kinds.POD):
        if not pod["spec"].get("nodeName") and is_active(pod):
            yield from _place(pod, loads, snapshot)


def _is_over(pod: Object) -> bool:
    return dig(pod, "status", "phase") in ("Succeeded", "Failed")


def _place(pod: Object, loads: list[Load], snapshot: Snapshot) -> Actions:
    claims = _claims(pod, snapshot)
    missing = [name for name, claim in claims.items() if claim is None]
    if missing:
        yield from _unschedulable(pod, without_claim_message(missing[0], len(loads)), snapshot)
        return
    held = {dig(claim, "metadata", "annotations", SELECTED) for claim in claims.values()} - {None}
    obstacles = {name_of(load.node): next(obstacles_of(pod, load, held), "") for load in loads}
    fitting = [load for load in loads if not obstacles[name_of(load.node)]]
    if not fitting:
        yield from _unschedulable(pod, unschedulable_message(obstacles), snapshot)
        return
    best = min(fitting, key=lambda load: _crowd(pod, load))
    best.pods.append(pod)
    yield Bind(pod, name_of(best.node))
    message = f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {name_of(best.node)}"
    yield RecordEvent(kinds.POD, pod, COMPONENT, "Scheduled", message, action="Binding")


def _crowd(pod: Object, load: Load) -> tuple[int, int, str]:
    """Return the cost of a node: pods of the same owner, then the number of pods."""
    of = (owner(pod) or {}).get("uid")
    kin = sum(1 for other in load.pods if of and (owner(other) or {}).get("uid") == of and not is_leaving(other))
    return kin, len(load.pods), name_of(load.node)


def _claims(pod: Object, snapshot: Snapshot) -> dict[str, Object | None]:
    """Return the volume claims of a pod by name; None for one that does not exist."""
    wanted = claim_names(pod)
    known = {name_of(one): one for one in snapshot.of(kinds.CLAIM) if wanted and namespace_of(one) == namespace_of(pod)}
    return {name: known.get(name) for name in wanted}


def obstacles_of(pod: Object, load: Load, held: Set[str] = frozenset()) -> Iterator[str]:
    """Yield the reasons why the pod cannot run on this node, in the scheduler's words.

    Args:
        held: the nodes that have the pod's volumes
    """
    spec, node = pod["spec"], load.node
    if dig(node, "spec", "unschedulable") and not tolerates(spec.get("tolerations", []), UNSCHEDULABLE):
        yield "node(s) were unschedulable"
    for taint in untolerated(spec, node, "NoSchedule", "NoExecute"):
        yield f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    if not fits_node(spec, node):
        yield "node(s) didn't match Pod's node affinity/selector"
    if held - {name_of(node)}:
        yield "node(s) didn't match PersistentVolume's node affinity"
    if ports(pod) & load.ports:
        yield "node(s) didn't have free ports for the requested pod ports"
    for resource in ("cpu", "memory"):
        if requested(pod, resource) > load.free(resource):
            yield f"Insufficient {resource}"


def unschedulable_message(obstacles: dict[str, str]) -> str:
    """Return one message that sums up the reasons of all nodes."""
    if not obstacles:
        return "no nodes available to schedule pods"
    none = f"0/{len(obstacles)} nodes are available"
    counted = ", ".join(sorted(f"{count} {why}" for why, count in Counter(obstacles.values()).items()))
    helpless = f"{len(obstacles)} Preemption is not helpful for scheduling"
    return f"{none}: {counted}. no new claims to deallocate, preemption: {none}: {helpless}."


def without_claim_message(claim: str, nodes: int) -> str:
    """Return the message about a pod whose volume claim does not exist."""
    none = f"0/{nodes} nodes are available"
    helpless = f"{nodes} Preemption is not helpful for scheduling"
    return f'{none}: persistentvolumeclaim "{claim}" not found. preemption: {none}: {helpless}.'


def _unschedulable(pod: Object, message: str, snapshot: Snapshot) -> Actions:
    old = condition(pod, "PodScheduled")
    if old and old.get("message") == message:
        return
    out = clone(pod)
    new = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "observedGeneration": pod["metadata"].get("generation", 1),
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(snapshot.now),
    }
    out["status"]["conditions"] = set_condition(dig(pod, "status", "conditions") or [], new)
    yield Replace(kinds.POD, out, status=True)
    yield RecordEvent(kinds.POD, pod, COMPONENT, "FailedScheduling", message, "Warning", "Scheduling")
