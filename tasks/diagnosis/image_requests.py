"""The images that a node is asked about, with their logins, and what the inventory and Harbor know about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from nornir.core.task import Task

from moor.context import DiagnosisScope, fleet_of
from moor.engine.asked_once import ask_once
from moor.inventory.identity import identity_of, node_name_in
from moor.resources.file import sha256
from moor.secrets.secret import Secret
from moor.settings import settings_of
from moor.tasks.diagnosis.controller_facts import Login, controller_facts_of
from moor.tasks.diagnosis.evidence.cluster_snapshot import ClusterSnapshot, PodExpectations, registry_images
from moor.tasks.diagnosis.evidence.pods import waits_for_image
from moor.tasks.diagnosis.evidence.probe_request import ControllerFacts, ProbeRequest, RegistryEndpoint
from moor.tasks.diagnosis.evidence.pull_secrets import login_of_pod
from moor.tasks.diagnosis.fleet_registry import fleet_registry_of
from moor.tasks.diagnosis.messages.fields import FleetRegistry
from moor.tasks.diagnosis.scope import cluster_node_name, probe_request_of, workloads_of
from moor.tasks.registry.projects import project_of
from moor.tasks.workload.checks import placed_secrets
from moor.tasks.workload.known_objects import images_of, pod_makers_of
from moor.tasks.workload.settings import Workloads

IMAGES = 8  # at most, for one node; each costs some requests


@dataclass(frozen=True)
class ImageRequest:
    """One image that a node is asked about, and what the controller knows about it.

    Attributes:
        robot: the login that the inventory has for the image
    """

    request: ProbeRequest
    facts: ControllerFacts
    robot: Login | None


def image_request_of(
    task: Task, scope: DiagnosisScope, view: ClusterSnapshot | str | None, endpoint: RegistryEndpoint, image: str
) -> ImageRequest:
    robot, facts = _asked_of_harbor(task, scope, image)
    login = robot
    if scope.own_login and isinstance(view, ClusterSnapshot):
        login = _own_login(view, endpoint, image, robot)
    ours = _ours(task)
    workload = ours.workloads.get(image)
    facts = replace(
        facts,
        bring="moor apply images" if image in ours.images else "",
        setter=f"data.workloads.{workload}.image, then moor apply workload" if workload else "",
        own="no" if login and robot and login[0] != robot[0] else "yes",
    )
    request = replace(probe_request_of(task.host, image, login, scope.pull), digest=facts.digest)
    if login is None and workload is not None and not _robot_of(task, image):
        request = replace(request, anonymous=True)
    return ImageRequest(request, facts, robot)


def _ours(task: Task) -> FleetRegistry:
    """Return the inventory's registry with the whole fleet's images, even if a command is limited to some hosts."""
    return ask_once(task, ("ours",), lambda: fleet_registry_of(fleet_of(task).hosts.values()))


def select_images(
    task: Task, scope: DiagnosisScope, view: ClusterSnapshot | str | None, endpoint: RegistryEndpoint
) -> list[str]:
    """Return the images to ask a node about: those that its pods wait for, else one of a pod or of a workload."""
    workloads = [image for name, one in workloads_of(task, scope).items() for image in images_of(task, name, one)]
    if not scope.own_login or not isinstance(view, ClusterSnapshot):
        return workloads[:1]
    node = cluster_node_name(task, view, identity_of("", node_name_in(task.host.data)))
    pods = sorted(
        view.pods, key=lambda pod: (not waits_for_image(pod), (pod.get("spec") or {}).get("nodeName") != node)
    )
    here = [pod for pod in pods if waits_for_image(pod) and (pod.get("spec") or {}).get("nodeName") == node]
    found = [image for pod in here or pods[:1] for image in registry_images(pod, endpoint.host_port)]
    return list(dict.fromkeys(found))[:IMAGES] or workloads[:1]


def _asked_of_harbor(task: Task, scope: DiagnosisScope, image: str) -> tuple[Login | None, ControllerFacts]:
    robot = _robot_of(task, image)
    return ask_once(task, ("harbor", image, robot), lambda: controller_facts_of(task, image, robot))


def _robot_of(task: Task, image: str) -> str:
    """Return the robot or login of the workload with that image, else of one with another image of its project."""
    workloads = settings_of(task.host, Workloads).by_name.items()
    each = [(path, workload.robot) for name, workload in workloads for path in images_of(task, name, workload)]
    ranked = sorted(each, key=lambda one: one[0] != image)
    return next((robot for path, robot in ranked if project_of(path) == project_of(image)), "")


def _own_login(view: ClusterSnapshot, endpoint: RegistryEndpoint, image: str, robot: Login | None) -> Login | None:
    """Return the login for an image from the pull secrets of a pod, preferring the robot's if they have it."""
    for pod in view.pods:
        if image in registry_images(pod, endpoint.host_port):
            found = login_of_pod(pod, image, view, endpoint.host_port, robot[0] if robot else "")
            if found:
                return found.user, Secret(found.password)
    return robot


def pod_expectations_of(task: Task, endpoint: RegistryEndpoint, asking: Sequence[ImageRequest]) -> PodExpectations:
    first = asking[0]
    sure = first.robot and first.facts.harbor == "answers"
    hashed = (first.robot[0], sha256(first.robot[1].reveal())) if first.robot and sure else None
    digests = {one.request.image: one.facts.digest for one in asking if one.facts.digest}
    workloads = settings_of(task.host, Workloads).by_name.items()
    managed = {(w.namespace, name) for name, w in workloads} | {(w.namespace, w.pull_secret) for _, w in workloads}
    managed |= {(one.namespace, one.name) for name, w in workloads for one in pod_makers_of(task, name, w)}
    return PodExpectations(
        endpoint.host_port, hashed, digests, _ours(task), frozenset(managed), partial(placed_secrets, task.host)
    )
