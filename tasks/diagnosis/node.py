"""The tasks that examine every layer of a pull, from a node to its pods, and name the first layer that fails.

``moor verify`` runs ``prove_node``, with a real pull; ``moor diagnose`` runs ``diagnose_node`` on pods that wait.
"""

from __future__ import annotations

from collections.abc import Mapping

from nornir.core.task import Result, Task

from moor.context import DiagnosisScope, context_of
from moor.errors import HostError
from moor.settings import settings_of
from moor.tasks.diagnosis.cluster_evidence import cluster_evidence_of
from moor.tasks.diagnosis.evidence.cluster_snapshot import ClusterSnapshot
from moor.tasks.diagnosis.evidence.probe_request import ControllerFacts, RegistryEndpoint
from moor.tasks.diagnosis.evidence.pull_records import cached_fields
from moor.tasks.diagnosis.image_requests import ImageRequest, image_request_of, pod_expectations_of, select_images
from moor.tasks.diagnosis.layer_report import report_layers
from moor.tasks.diagnosis.node_evidence import read_node
from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.layers import judge
from moor.tasks.diagnosis.scope import (
    cluster_snapshot_of,
    namespaces_of,
    probe_request_of,
    registry_endpoint_of,
    unknown_workloads,
)
from moor.tasks.registry.given_logins import Logins

OF_IMAGE = ("rights", "manifest")  # the layers that need an image


def prove_node(task: Task) -> Result:
    """Prove that a node pulls and runs what the inventory says; the image that it pulls for that is removed again."""
    return examine(task, DiagnosisScope(pull=True, own_login=False))


def diagnose_node(task: Task) -> Result:
    """Find out why pods on a node do not start; nothing is changed."""
    return examine(task, context_of(task).diagnosis)


def examine(task: Task, scope: DiagnosisScope) -> Result:
    """Examine every layer of one node.

    Raises:
        HostError: a layer is at fault; with every cause that was found.
    """
    endpoint = registry_endpoint_of(task.host)
    view = cluster_snapshot_of(task, scope, endpoint)
    images = select_images(task, scope, view, endpoint)
    if scope.own_login and not images:
        raise HostError(_nothing_to_ask(task, scope, view, endpoint))
    if not images:
        return _examine_without_image(task, unknown_workloads(task, scope))
    requests = [image_request_of(task, scope, view, endpoint, image) for image in images]
    seen = read_node(task, requests)
    cluster = cluster_evidence_of(task, scope, view, pod_expectations_of(task, endpoint, requests), seen)
    if isinstance(pods := cluster.evidence.get("pod"), list):
        known = {"asked": " ".join(images)}
        cluster.evidence["pod"] = [
            {**one, **known, **cached_fields(one, seen.records, endpoint.host_port)} for one in pods
        ]
    return report_layers(
        task, judge(seen.evidence | cluster.evidence, RULES, seen.beside), seen.unreached, cluster.unknown
    )


def _examine_without_image(task: Task, unknown: Mapping[str, str]) -> Result:
    """Examine the layers of a pull up to the login, since no workload names an image.

    Args:
        unknown: why nothing is known of a layer
    """
    login = next(iter(settings_of(task.host, Logins).by_name.values()), None)
    known = (login.user, login.password.resolve()) if login else None
    request = ImageRequest(probe_request_of(task.host, "", known), ControllerFacts(), known)
    seen = read_node(task, [request])
    left_out = OF_IMAGE if login else (*OF_IMAGE, "login")
    evidence = {layer: found for layer, found in seen.evidence.items() if layer not in left_out}
    return report_layers(task, judge(evidence, RULES), seen.unreached, unknown)


def _nothing_to_ask(
    task: Task, scope: DiagnosisScope, view: ClusterSnapshot | str | None, endpoint: RegistryEndpoint
) -> str:
    what = f"no workload is called {scope.deployment}" if scope.deployment else "it has no workloads"
    where = " ".join(namespaces_of(task, scope)) or "of the cluster"
    seen = (
        view if isinstance(view, str) else f"no pod of it in namespace {where} takes an image from {endpoint.host_port}"
    )
    return f"nothing to ask about: in the inventory, {what}; {seen}"
