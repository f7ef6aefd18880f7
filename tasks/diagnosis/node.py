"""From a node to its pods: every layer of a pull looked at in one round trip, and the first that fails named.

``verify`` proves with it, a real pull included; ``diagnose`` looks with it at whatever pods wait.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nornir.core.task import Result, Task

from moor.context import DiagnosisScope, context_of
from moor.engine.probing import probe
from moor.engine.results import Cause, ResourceResult, Status
from moor.errors import ErrorKind, HostError
from moor.inventory.identity import FRAGMENT, HostIdentity, identity_of, node_name_in
from moor.tasks.diagnosis.cluster_evidence import Own, cluster_evidence_of
from moor.tasks.diagnosis.evidence.cluster_snapshot import ClusterSnapshot
from moor.tasks.diagnosis.evidence.node_answers import evidence_of
from moor.tasks.diagnosis.evidence.probe_request import RegistryEndpoint
from moor.tasks.diagnosis.evidence.probes import Probe, probes, registry_probe
from moor.tasks.diagnosis.image_requests import ImageRequest, image_request_of, pod_expectations_of, select_images
from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.layers import LAYERS, LayerEvidence, LayerResult, judge
from moor.tasks.diagnosis.rules.rule import Evidence
from moor.tasks.diagnosis.scope import cluster_snapshot_of, namespaces_of, registry_endpoint_of

IDENTITY = "identity"  # the probe that asks a host who it is
STATUS: Mapping[str, Status] = {"ok": "ok", "fault": "failed", "unknown": "skipped"}


def prove_node(task: Task) -> Result:
    """Prove from a node that it pulls and runs what the inventory says; only a pulled image passes through it."""
    return examine(task, DiagnosisScope(pull=True, own_login=False))


def diagnose_node(task: Task) -> Result:
    """Find out why pods on a node do not start; nothing is changed."""
    return examine(task, context_of(task).diagnosis)


def examine(task: Task, scope: DiagnosisScope) -> Result:
    """Look at every layer of one node; raises HostError with every cause that was found."""
    door = registry_endpoint_of(task.host)
    view = cluster_snapshot_of(task, scope, door)
    images = select_images(task, scope, view, door)
    if scope.own_login and not images:
        raise HostError(_nothing_to_ask(task, scope, view, door))
    if not images:
        return report_layers(task, judge({}, RULES))
    asking = [image_request_of(task, scope, view, door, image) for image in images]
    seen = _look(task, asking)
    own = Own(seen.identity, seen.evidence.get("login"))
    cluster = cluster_evidence_of(task, scope, view, pod_expectations_of(task, door, asking), own)
    if isinstance(pods := cluster.evidence.get("pod"), list):
        cluster.evidence["pod"] = [{**one, "asked": " ".join(images)} for one in pods]
    return report_layers(
        task, judge(seen.evidence | cluster.evidence, RULES, seen.beside), seen.unreached, cluster.unknown
    )


def _nothing_to_ask(
    task: Task, scope: DiagnosisScope, view: ClusterSnapshot | str | None, door: RegistryEndpoint
) -> str:
    what = f"no workload is called {scope.deployment}" if scope.deployment else "it has no workloads"
    where = " ".join(namespaces_of(task, scope)) or "of the cluster"
    seen = view if isinstance(view, str) else f"no pod of it in namespace {where} takes an image from {door.host_port}"
    return f"nothing to ask about: in the inventory, {what}; {seen}"


PER_IMAGE_LAYERS = ("login", "rights", "manifest")  # what is another thing for another image


@dataclass
class NodeEvidence:
    """What a node itself says: by layer, of further images, who it is; or why it was not reached."""

    identity: HostIdentity
    evidence: dict[str, LayerEvidence] = field(default_factory=dict)
    beside: list[Mapping[str, Evidence]] = field(default_factory=list)
    unreached: HostError | None = None


def _look(task: Task, asking: Sequence[ImageRequest]) -> NodeEvidence:
    """Ask the node about the images, the first of them whole; the cluster may know something of one not reached."""
    first, *further = asking
    found = NodeEvidence(identity_of("", node_name_in(task.host.data)))
    more = [registry_probe(one.asked, f"registry{n}") for n, one in enumerate(further)]
    try:
        states = probe(task, [*probes(first.asked), *more, Probe(IDENTITY, FRAGMENT)])
    except HostError as error:
        found.unreached = error
        return found
    answers = {name.partition(":")[2]: str((state or {}).get("answer", "")) for name, state in states.items()}
    found.identity = identity_of(answers.pop(IDENTITY), found.identity.node)
    now, name = time.time(), task.host.name
    found.evidence.update(evidence_of(answers, first.asked, first.known, name, now))
    for n, one in enumerate(further):
        own = evidence_of({**answers, "registry": answers[f"registry{n}"]}, one.asked, one.known, name, now)
        found.beside.append({layer: own[layer] for layer in PER_IMAGE_LAYERS})
    return found


def report_layers(
    task: Task,
    results: Sequence[LayerResult],
    unreached: HostError | None = None,
    unknown: Mapping[str, str] | None = None,
) -> Result:
    """Add each layer to the task's results as a sub-result.

    Args:
        results: a layer that is no part of a pull, such as access, comes first
        unknown: why nothing is known of a layer

    Raises:
        HostError: a layer is at fault.
    """
    causes, why = [str(unreached)] if unreached else [], unknown or {}
    order = {layer.name: at for at, layer in enumerate(LAYERS)}
    every = [*results, *(LayerResult(layer, "unknown") for layer in why)]
    for result in sorted(every, key=lambda one: order.get(one.layer, -1)):
        if result.layer in why:
            task.results.append(ResourceResult(task.host, f"proof:{result.layer}", "skipped", "", why[result.layer]))
            continue
        status = STATUS[result.status]
        words = "\n".join(f"{v.cause}; {v.mend}" for v in result.verdicts)
        known = [Cause(verdict.rule, verdict.cause, verdict.mend) for verdict in result.verdicts]
        task.results.append(ResourceResult(task.host, f"proof:{result.layer}", status, "", words, known))
        causes += [f"{verdict.layer}: {verdict.cause}; {verdict.mend}" for verdict in result.verdicts]
    if causes:
        raise HostError("\n".join(causes), unreached.kind if unreached else ErrorKind.UNMET)
    return Result(host=task.host, result=f"{len(results)} layers looked at")
