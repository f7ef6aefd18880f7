"""From a node to its pods: every layer of a pull looked at in one round trip, and the first that fails named.

``verify`` proves with it, a real pull included; ``diagnose`` looks with it at whatever pods wait.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from nornir.core.inventory import Host, Inventory
from nornir.core.task import Result, Task

from moor.engine.once import once
from moor.engine.probing import probe
from moor.engine.results import Cause, ResourceResult, Status
from moor.errors import HostError, MoorError
from moor.identity import FRAGMENT, Identity, identity_of, written_in
from moor.nodes import node_of, paired
from moor.resources.file import sha256
from moor.secrets import Secret
from moor.selection import FLEET
from moor.settings import optional_settings_of, settings_of
from tasks.cluster_api import cluster_of
from tasks.containerd import ContainerdSettings, expected_of
from tasks.facts import Registry
from tasks.layers import RULES
from tasks.layers.chain import LAYERS, LayerResult, Seen, judge
from tasks.layers.door import Asked, Door, Known, parted
from tasks.layers.heard import Ours
from tasks.layers.pods import faulty, node_evidence, pod_evidence, waits
from tasks.layers.probes import Probe, probes, registry_probe
from tasks.layers.pull_secrets import login_of_pod, secret_evidence
from tasks.layers.rule import Evidence
from tasks.layers.seen import evidence_of
from tasks.layers.site import ours_of
from tasks.layers.view import ClusterView, Tree, Wanted, images_of, namespace_of
from tasks.names import Names
from tasks.preflight import Preflight
from tasks.registry_view import Login, registry_view
from tasks.workload import Cluster, Workload, Workloads, open_cluster

IDENTITY = "identity"  # the probe that asks a host who it is
LOOKING = "moor_looking"  # in Nornir's user_defined: what the command line asks for
STATUS: Mapping[str, Status] = {"ok": "ok", "fault": "failed", "unknown": "skipped"}


@dataclass(frozen=True)
class Looking:
    """What a diagnosis looks at.

    pull        whether each node really pulls the image
    namespaces  those of the inventory's workloads where it is empty; ``*`` is all
    deployment  one alone; all where it is empty
    own_login   logs in as the pods' own secret says, rather than as the inventory does
    """

    pull: bool = False
    namespaces: tuple[str, ...] = ()
    deployment: str = ""
    own_login: bool = False


def prove_node(task: Task) -> Result:
    """Prove from a node that it pulls and runs what the inventory says; only a pulled image passes through it."""
    return examine(task, Looking(pull=True))


def diagnose_node(task: Task) -> Result:
    """Find out why pods on a node do not start; nothing is changed."""
    looking: Looking = task.nornir.config.user_defined.get(LOOKING, Looking(own_login=True))
    return examine(task, looking)


def examine(task: Task, looking: Looking) -> Result:
    """Look at every layer of one node; raises HostError with every cause that was found."""
    door = door_of(task.host)
    view = _cluster(task, looking, door)
    images = _images(task, looking, view, door)
    if looking.own_login and not images:
        raise HostError(_nothing_to_ask(task, looking, view, door))
    if not images:
        return told(task, judge({}, RULES), "")
    asking = [_asking(task, looking, view, door, image) for image in images]
    seen = _look(task, asking)
    cluster = _of_cluster(task, looking, view, _wanted(task, door, asking), seen)
    if isinstance(pods := cluster.evidence.get("pod"), list):
        cluster.evidence["pod"] = [{**one, "asked": " ".join(images)} for one in pods]
    return told(task, judge(seen.evidence | cluster.evidence, RULES, seen.beside), seen.unreached, cluster.unknown)


@dataclass(frozen=True)
class Asking:
    """One image that a node is asked about, and what the controller knows of it.

    robot  the login that the inventory has for it
    """

    asked: Asked
    known: Known
    robot: Login | None


def _asking(task: Task, looking: Looking, view: ClusterView | str | None, door: Door, image: str) -> Asking:
    robot, known = _asked_of_harbor(task, looking, image)
    login = robot
    if looking.own_login and isinstance(view, ClusterView):
        login = _own_login(view, door, image, robot)
    ours = _ours(task)
    workload = ours.workloads.get(image)
    known = replace(
        known,
        bring="moor apply images" if image in ours.images else "",
        setter=f"data.workloads.{workload}.image, then moor apply workload" if workload else "",
        own="no" if login and robot and login[0] != robot[0] else "yes",
    )
    return Asking(asked_of(task.host, image, login, looking.pull), known, robot)


def _ours(task: Task) -> Ours:
    """Return the inventory's registry with what the whole fleet brings there, whatever a command is limited to."""
    fleet: Inventory = task.nornir.config.user_defined.get(FLEET, task.nornir.inventory)
    return once(task, ("ours",), lambda: ours_of(fleet.hosts.values()))


def door_of(host: Host) -> Door:
    """Give where the registry is for a host."""
    registry = settings_of(host, Registry)
    first, *further = map(str, registry.addresses)
    return Door(registry.name, first, registry.port, tuple(further))


def asked_of(host: Host, image: str, login: Login | None = None, pull: bool = False) -> Asked:
    """Give what a node is asked about, as the inventory has it."""
    runtime = settings_of(host, ContainerdSettings)
    return Asked(
        door_of(host),
        image,
        login,
        pull,
        "" if runtime.runtime == "containerd" else runtime.runtime,
        settings_of(host, Names).mode,
        runtime.service,
        settings_of(host, Preflight).through_proxy,
        expected_of(runtime, settings_of(host, Registry)) if runtime.runtime == "containerd" else None,
    )


def _nothing_to_ask(task: Task, looking: Looking, view: ClusterView | str | None, door: Door) -> str:
    what = f"no workload is called {looking.deployment}" if looking.deployment else "it has no workloads"
    where = " ".join(_namespaces(task, looking)) or "of the cluster"
    seen = view if isinstance(view, str) else f"no pod of it in namespace {where} takes an image from {door.host_port}"
    return f"nothing to ask about: in the inventory, {what}; {seen}"


PARTED = ("login", "rights", "manifest")  # what is another thing for another image


@dataclass
class Looked:
    """What a node itself says: by layer, of further images, who it is; or why it was not reached."""

    identity: Identity
    evidence: dict[str, Seen] = field(default_factory=dict)
    beside: list[Mapping[str, Evidence]] = field(default_factory=list)
    unreached: str = ""


def _look(task: Task, asking: Sequence[Asking]) -> Looked:
    """Ask the node about the images, the first of them whole; the cluster may know something of one not reached."""
    first, *further = asking
    found = Looked(identity_of("", written_in(task.host.data)))
    more = [registry_probe(one.asked, f"registry{n}") for n, one in enumerate(further)]
    try:
        states = probe(task, [*probes(first.asked), *more, Probe(IDENTITY, FRAGMENT)])
    except HostError as error:
        found.unreached = str(error)
        return found
    answers = {name.partition(":")[2]: str((state or {}).get("answer", "")) for name, state in states.items()}
    found.identity = identity_of(answers.pop(IDENTITY), found.identity.node)
    now, name = time.time(), task.host.name
    found.evidence.update(evidence_of(answers, first.asked, first.known, name, now))
    for n, one in enumerate(further):
        own = evidence_of({**answers, "registry": answers[f"registry{n}"]}, one.asked, one.known, name, now)
        found.beside.append({layer: own[layer] for layer in PARTED})
    return found


def told(
    task: Task, results: Sequence[LayerResult], unreached: str, unknown: Mapping[str, str] | None = None
) -> Result:
    """Give each layer as a sub-result of the task; raises HostError where one is at fault.

    unknown  why nothing is known of a layer
    """
    causes, why = [unreached] if unreached else [], unknown or {}
    order = [layer.name for layer in LAYERS]
    every = [*results, *(LayerResult(layer, "unknown") for layer in why)]
    for result in sorted(every, key=lambda one: order.index(one.layer)):
        if result.layer in why:
            task.results.append(ResourceResult(task.host, f"proof:{result.layer}", "skipped", "", why[result.layer]))
            continue
        status = STATUS[result.status]
        words = "\n".join(f"{v.cause}; {v.mend}" for v in result.verdicts)
        known = [Cause(verdict.rule, verdict.cause, verdict.mend) for verdict in result.verdicts]
        task.results.append(ResourceResult(task.host, f"proof:{result.layer}", status, "", words, known))
        causes += [f"{verdict.layer}: {verdict.cause}; {verdict.mend}" for verdict in result.verdicts]
    if causes:
        raise HostError("\n".join(causes))
    return Result(host=task.host, result=f"{len(results)} layers looked at")


def _workloads(task: Task, looking: Looking) -> dict[str, Workload]:
    known = settings_of(task.host, Workloads).by_name
    return {name: w for name, w in known.items() if not looking.deployment or name == looking.deployment}


def _namespaces(task: Task, looking: Looking) -> tuple[str, ...]:
    own = dict.fromkeys(workload.namespace for workload in settings_of(task.host, Workloads).by_name.values())
    return looking.namespaces or tuple(own)


def _cluster(task: Task, looking: Looking, door: Door) -> ClusterView | str | None:
    """Give what the cluster says; why it says nothing; None where the inventory knows no cluster."""
    settings, namespaces = optional_settings_of(task.host, Cluster), _namespaces(task, looking)
    if settings is None or not namespaces:
        return None

    def ask() -> ClusterView | str:
        try:
            open_cluster(task)
            from tasks.layers.cluster_view import read_cluster  # as lightkube, see moor.connections.kubernetes

            return read_cluster(cluster_of(task), namespaces, looking.deployment, door.host_port)
        except MoorError as error:
            return str(error)

    return once(task, ("cluster", settings.kubeconfig, settings.context, namespaces, looking.deployment), ask)


IMAGES = 8  # that one node is asked about; each is some requests


def _images(task: Task, looking: Looking, view: ClusterView | str | None, door: Door) -> list[str]:
    """Choose the images that a node is asked about: those that pods wait on there, else one of a pod or a workload."""
    workloads = [workload.image for workload in _workloads(task, looking).values()]
    if not looking.own_login or not isinstance(view, ClusterView):
        return workloads[:1]
    node = _node(task, view, identity_of("", written_in(task.host.data)))
    pods = sorted(view.pods, key=lambda pod: (not waits(pod), (pod.get("spec") or {}).get("nodeName") != node))
    here = [pod for pod in pods if waits(pod) and (pod.get("spec") or {}).get("nodeName") == node]
    found = [image for pod in here or pods[:1] for image in images_of(pod, door.host_port)]
    return list(dict.fromkeys(found))[:IMAGES] or workloads[:1]


def _asked_of_harbor(task: Task, looking: Looking, image: str) -> tuple[Login | None, Known]:
    own = [w.robot for w in settings_of(task.host, Workloads).by_name.values() if _project(w.image) == _project(image)]
    robot = own[0] if own else ""
    return once(task, ("harbor", image, robot), lambda: registry_view(task, image, robot))


def _project(image: str) -> str:
    return image.partition("/")[0]


def _own_login(view: ClusterView, door: Door, image: str, robot: Login | None) -> Login | None:
    """Return the login that the pull secrets of a pod hold for an image: the robot's where it is among them."""
    for pod in view.pods:
        if image in images_of(pod, door.host_port):
            found = login_of_pod(pod, image, view, door.host_port, robot[0] if robot else "")
            if found:
                return found.user, Secret(found.password)
    return robot


def _wanted(task: Task, door: Door, asking: Sequence[Asking]) -> Wanted:
    first = asking[0]
    sure = first.robot and first.known.harbor == "answers"
    hashed = (first.robot[0], sha256(first.robot[1].reveal())) if first.robot and sure else None
    digests = {parted(one.asked.image)[0]: one.known.digest for one in asking if one.known.digest}
    workloads = settings_of(task.host, Workloads).by_name.items()
    managed = {(w.namespace, name) for name, w in workloads} | {(w.namespace, w.pull_secret) for _, w in workloads}
    return Wanted(door.host_port, hashed, digests, _ours(task), frozenset(managed))


@dataclass
class Told:
    """What the cluster says of a node by layer, and why it says nothing of others."""

    evidence: dict[str, Seen] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)


def _of_cluster(task: Task, looking: Looking, view: ClusterView | str | None, wanted: Wanted, seen: Looked) -> Told:
    """Give what the cluster says of this node; a control plane answers for rollouts and for pods without a node."""
    found = Told()
    if view is None:
        return found
    if isinstance(view, str):
        found.unknown = dict.fromkeys(("secret", "node", "pod"), view)
        return found
    leads = task.host.has_parent_group("control_plane")
    name = _node(task, view, seen.identity)
    node = next((n for n in view.nodes if n["metadata"]["name"] == name), None)
    if NODES in view.unknown:
        found.unknown["node"] = view.unknown[NODES]
    else:
        found.evidence["node"] = node_evidence(node, task.host.name)
    pods = [pod for pod in view.pods if (pod.get("spec") or {}).get("nodeName", "" if leads else None) == name]
    pods += [pod for pod in view.pods if leads and not (pod.get("spec") or {}).get("nodeName")]
    _add_secrets(found, pods, view, wanted, seen.evidence.get("login"))
    held = faulty([one for pod in pods for one in pod_evidence(pod, view, wanted, task.host.name)])
    if held:
        found.evidence["pod"] = held
    elif hidden := [words for key, words in view.unknown.items() if key.startswith("Pod ")]:
        found.unknown["pod"] = hidden[0]
    if leads:
        _add_rollouts(found, task, looking, held)
    return found


def _add_secrets(found: Told, pods: Sequence[Tree], view: ClusterView, wanted: Wanted, login: Seen | None) -> None:
    """Add the pull secrets of pods, of those of one owner once; one that may not be read is not known, and no fault."""
    from tasks.layers.cluster_view import unread

    refused = login.get("user", "") if isinstance(login, Mapping) and login.get("status") == "401" else ""
    hidden = {id(pod): words for pod in pods if (words := unread(view, pod))}
    each: dict[tuple[str, str], Evidence] = {}
    for pod in pods:
        if id(pod) not in hidden:
            one = secret_evidence(pod, view, wanted)
            known = {**one, "refused": "yes" if refused and one.get("user") == refused else "no"}
            each.setdefault((namespace_of(pod), f"{one['owner']} {one.get('secret', '')}"), known)
    if hidden and not any(one.get("matches") != "yes" for one in each.values()):
        found.unknown["secret"] = next(iter(hidden.values()))
    elif each:
        found.evidence["secret"] = list(each.values())


def _add_rollouts(found: Told, task: Task, looking: Looking, pods: Sequence[Evidence]) -> None:
    """Add how far the rollouts are; where that may not be read, pods alone count."""
    rolling = once(task, ("rollouts", looking.deployment), lambda: _unfinished(task, looking))
    if isinstance(rolling, HostError):
        if not pods:
            found.unknown["pod"] = str(rolling)
    elif "pod" not in found.unknown:
        found.evidence["pod"] = [*pods, *([{"rollout": rolling}] if rolling or not pods else [])]


def _unfinished(task: Task, looking: Looking) -> str | HostError:
    names = [(workload.namespace, name) for name, workload in _workloads(task, looking).items()]
    try:
        from tasks.layers.cluster_view import unfinished

        return "; ".join(unfinished(cluster_of(task), names))
    except HostError as error:
        return error


NODES = "Node *"  # in what could not be read of the cluster


def _node(task: Task, view: ClusterView, identity: Identity) -> str:
    """Name the node of the cluster that the task's host is; the host itself where the cluster has none."""
    host = task.host
    address = host.hostname or host.name
    found = paired({host.name: address}, map(node_of, view.nodes), {host.name: identity}).nodes.get(host.name)
    if found:
        return found.name
    # Where nodes may not be listed, a pod still says on which of them it is, and that node's address.
    status = ((pod.get("spec") or {}, pod.get("status") or {}) for pod in view.pods if NODES in view.unknown)
    at = (str(spec["nodeName"]) for spec, state in status if state.get("hostIP") == address and spec.get("nodeName"))
    return next(at, identity.node or host.name)
