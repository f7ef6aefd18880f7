"""The tasks that examine a cluster without a host to log in to, by what its API reports about nodes and pods."""

from __future__ import annotations

from nornir.core.task import Result, Task

from moor.context import DiagnosisScope, context_of
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.tasks.diagnosis.cluster_evidence import whole_cluster_evidence_of
from moor.tasks.diagnosis.evidence.cluster_snapshot import ClusterSnapshot, registry_images
from moor.tasks.diagnosis.evidence.pods import waits_for_image
from moor.tasks.diagnosis.evidence.probe_request import RegistryEndpoint
from moor.tasks.diagnosis.image_requests import IMAGES, image_request_of, pod_expectations_of
from moor.tasks.diagnosis.layer_report import report_layers
from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.layers import judge
from moor.tasks.diagnosis.scope import cluster_snapshot_of, registry_endpoint_of, unknown_workloads, workloads_of
from moor.tasks.workload.known_objects import images_of


def prove_cluster(task: Task) -> Result:
    """Prove that the pods of a cluster run what the inventory says, and that every rollout is complete."""
    return examine_cluster(task, DiagnosisScope(own_login=False))


def diagnose_cluster(task: Task) -> Result:
    """Find out why pods of a cluster do not start; nothing is changed."""
    return examine_cluster(task, context_of(task).diagnosis)


def examine_cluster(task: Task, scope: DiagnosisScope) -> Result:
    """Examine the layers of a pull that a cluster's API tells about.

    Raises:
        HostError: a layer is at fault; with every cause that was found.
    """
    endpoint = registry_endpoint_of(task.host)
    view = cluster_snapshot_of(task, scope, endpoint)
    images = _images(task, scope, view, endpoint)
    if view is None or not images:
        if unknown := unknown_workloads(task, scope):
            return report_layers(task, [], unknown=unknown)
        what = "no workload or pod of it has an image of the registry, so that nothing was proved"
        task.results.append(FindingResult(task.host, Finding("cluster:pods", what, host=task.host.name)))
        return report_layers(task, judge({}, RULES))
    requests = [image_request_of(task, scope, view, endpoint, image) for image in images]
    found = whole_cluster_evidence_of(task, scope, view, pod_expectations_of(task, endpoint, requests))
    if isinstance(pods := found.evidence.get("pod"), list):
        found.evidence["pod"] = [{**one, "asked": " ".join(images)} for one in pods]
    return report_layers(task, judge(found.evidence, RULES), unknown=found.unknown)


def _images(
    task: Task, scope: DiagnosisScope, view: ClusterSnapshot | str | None, endpoint: RegistryEndpoint
) -> list[str]:
    """Return the images to ask about: those that pods wait for, else those of the workloads."""
    named = [image for name, one in workloads_of(task, scope).items() for image in images_of(task, name, one)]
    if scope.own_login and isinstance(view, ClusterSnapshot):
        waiting = [pod for pod in view.pods if waits_for_image(pod)] or view.pods[:1]
        named = [image for pod in waiting for image in registry_images(pod, endpoint.host_port)] or named
    return list(dict.fromkeys(named))[:IMAGES]
