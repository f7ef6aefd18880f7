"""From a node to its pods: every layer of a pull looked at in one round trip, and the first that fails named.

``verify`` proves with it, a real pull included; ``diagnose`` looks with it at whatever pods wait.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.once import once
from moor.engine.probing import probe
from moor.engine.results import Cause, ResourceResult, Status
from moor.errors import HostError, MoorError
from moor.identity import FRAGMENT, Identity, identity_of, written_in
from moor.nodes import node_of, paired
from moor.resources.file import sha256
from moor.secrets import Secret
from moor.settings import optional_settings_of, settings_of
from tasks.cluster_api import cluster_of
from tasks.containerd import ContainerdSettings
from tasks.facts import Registry
from tasks.layers import RULES
from tasks.layers.chain import LayerResult, judge
from tasks.layers.door import Asked, Door, Known
from tasks.layers.pods import (
    ClusterView,
    Tree,
    Wanted,
    auths_of,
    bare,
    images_of,
    login_of,
    node_evidence,
    pod_evidence,
    secret_evidence,
    secret_names,
    waits,
    worst,
)
from tasks.layers.probes import Probe, probes
from tasks.layers.rule import Evidence
from tasks.layers.seen import evidence_of
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
    evidence: dict[str, Evidence] = {}
    unreached, unknown = "", dict[str, str]()
    image = _image(task, looking, view, door)
    if looking.own_login and not image:
        raise HostError(_nothing_to_ask(task, looking, view, door))
    if image:
        login, known = _asked_of_harbor(task, looking, image)
        if looking.own_login and isinstance(view, ClusterView):
            login, known = _own_login(view, door, image, login, known)
        asked = asked_of(task.host, image, login, looking.pull)
        identity, unreached = _look(task, asked, known, evidence)
        told_by = _of_cluster(task, looking, view, image, _wanted(task, looking, door, image, known), identity)
        evidence |= told_by.evidence
        unknown = told_by.unknown
    return told(task, judge(evidence, RULES), unreached, unknown)


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
    )


def _nothing_to_ask(task: Task, looking: Looking, view: ClusterView | str | None, door: Door) -> str:
    what = f"no workload is called {looking.deployment}" if looking.deployment else "it has no workloads"
    where = " ".join(_namespaces(task, looking)) or "of the cluster"
    seen = view if isinstance(view, str) else f"no pod of it in namespace {where} takes an image from {door.host_port}"
    return f"nothing to ask about: in the inventory, {what}; {seen}"


def _look(task: Task, asked: Asked, known: Known, evidence: dict[str, Evidence]) -> tuple[Identity, str]:
    """Ask the node; where it is not reached, say why, since the cluster may still know something of it."""
    own = identity_of("", written_in(task.host.data))
    try:
        states = probe(task, [*probes(asked), Probe(IDENTITY, FRAGMENT)])
    except HostError as error:
        return own, str(error)
    answers = {name.partition(":")[2]: str((state or {}).get("answer", "")) for name, state in states.items()}
    identity = identity_of(answers.pop(IDENTITY), own.node)
    evidence.update(evidence_of(answers, asked, known, task.host.name, time.time()))
    return identity, ""


def told(
    task: Task, results: Sequence[LayerResult], unreached: str, unknown: Mapping[str, str] | None = None
) -> Result:
    """Give each layer as a sub-result of the task; raises HostError where one is at fault.

    unknown  why nothing is known of a layer
    """
    causes = [unreached] if unreached else []
    for layer, words in (unknown or {}).items():
        task.results.append(ResourceResult(task.host, f"proof:{layer}", "skipped", "", words))
    for result in results:
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


def _image(task: Task, looking: Looking, view: ClusterView | str | None, door: Door) -> str:
    """Choose the image that a node is asked about: one that a pod waits on, there or elsewhere, else a workload's."""
    if looking.own_login and isinstance(view, ClusterView):
        node = _node(task, view, identity_of("", written_in(task.host.data)))
        pods = sorted(view.pods, key=lambda pod: (not waits(pod), (pod.get("spec") or {}).get("nodeName") != node))
        found = [image for pod in pods for image in images_of(pod, door.host_port)]
        if found:
            return found[0]
    return next((workload.image for workload in _workloads(task, looking).values()), "")


def _asked_of_harbor(task: Task, looking: Looking, image: str) -> tuple[Login | None, Known]:
    own = [w.robot for w in settings_of(task.host, Workloads).by_name.values() if _project(w.image) == _project(image)]
    robot = own[0] if own else ""
    return once(task, ("harbor", image, robot), lambda: registry_view(task, image, robot))


def _project(image: str) -> str:
    return image.partition("/")[0]


def _own_login(
    view: ClusterView, door: Door, image: str, login: Login | None, known: Known
) -> tuple[Login | None, Known]:
    """Give the login that the pods' secret holds; the robot's state is only known of the inventory's own."""
    for pod in view.pods:
        if image not in images_of(pod, door.host_port):
            continue
        for name in secret_names(pod, view):
            secret = view.secrets.get((str(pod["metadata"].get("namespace", "default")), name))
            auths = {bare(key): entry for key, entry in ((auths_of(secret) if secret else None) or {}).items()}
            user, password = login_of(auths.get(door.host_port))
            if user and password and (login is None or user == login[0]):
                return (user, Secret(password)), known
    return login, known


def _wanted(task: Task, looking: Looking, door: Door, image: str, known: Known) -> Wanted:
    robot, _ = _asked_of_harbor(task, looking, image)
    hashed = (robot[0], sha256(robot[1].reveal())) if robot and known.harbor == "answers" else None
    digests = {image.rpartition(":")[0]: known.digest} if known.digest else {}
    return Wanted(door.host_port, hashed, digests)


@dataclass
class Told:
    """What the cluster says of a node by layer, and why it says nothing of others."""

    evidence: dict[str, Evidence] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)


def _of_cluster(
    task: Task, looking: Looking, view: ClusterView | str | None, image: str, wanted: Wanted, identity: Identity
) -> Told:
    """Give what the cluster says of this node; a control plane answers for rollouts and for pods without a node."""
    found = Told()
    if view is None:
        return found
    if isinstance(view, str):
        found.unknown = dict.fromkeys(("secret", "node", "pod"), view)
        return found
    leads = task.host.has_parent_group("control_plane")
    name = _node(task, view, identity)
    node = next((n for n in view.nodes if n["metadata"]["name"] == name), None)
    if NODES in view.unknown:
        found.unknown["node"] = view.unknown[NODES]
    else:
        found.evidence["node"] = node_evidence(node, task.host.name)
    pods = [pod for pod in view.pods if (pod.get("spec") or {}).get("nodeName", "" if leads else None) == name]
    pods += [pod for pod in view.pods if leads and not (pod.get("spec") or {}).get("nodeName")]
    _add_secrets(found, pods, view, wanted)
    _add_pods(found, pods, view, image, wanted)
    if leads:
        _add_rollouts(found, task, looking, image)
    return found


def _add_secrets(found: Told, pods: Sequence[Tree], view: ClusterView, wanted: Wanted) -> None:
    """Add the pull secrets of pods; one that may not be read is not known, and no fault."""
    from tasks.layers.cluster_view import unread

    hidden = {id(pod): words for pod in pods if (words := unread(view, pod))}
    secrets = [secret_evidence(pod, view, wanted) for pod in pods if id(pod) not in hidden]
    wrong = next((one for one in secrets if one.get("matches") != "yes"), None)
    if hidden and wrong is None:
        found.unknown["secret"] = next(iter(hidden.values()))
    elif secrets:
        found.evidence["secret"] = wrong or secrets[0]


def _add_pods(found: Told, pods: Sequence[Tree], view: ClusterView, image: str, wanted: Wanted) -> None:
    pod = worst([pod_evidence(pod, view.events, wanted) for pod in pods])
    if pod is not None:
        found.evidence["pod"] = {**pod, "asked": image}
    elif hidden := [words for key, words in view.unknown.items() if key.startswith("Pod ")]:
        found.unknown["pod"] = hidden[0]


def _add_rollouts(found: Told, task: Task, looking: Looking, image: str) -> None:
    """Add how far the rollouts are; where that may not be read, pods alone count."""
    rolling = once(task, ("rollouts", looking.deployment), lambda: _unfinished(task, looking))
    if isinstance(rolling, HostError):
        if "pod" not in found.evidence:
            found.unknown["pod"] = str(rolling)
    elif "pod" not in found.unknown:
        found.evidence["pod"] = {"asked": image, **found.evidence.get("pod", {}), "rollout": rolling}


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
