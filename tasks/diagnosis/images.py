"""Which images a node is asked about, with which logins, and what the inventory and Harbor know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nornir.core.task import Task

from moor.context import DiagnosisScope, fleet_of
from moor.engine.asked_once import ask_once
from moor.inventory.identity import identity_of, written_in
from moor.resources.file import sha256
from moor.secrets.secret import Secret
from moor.settings import settings_of
from moor.tasks.diagnosis.evidence.cluster_model import ClusterView, PodExpectations, images_of
from moor.tasks.diagnosis.evidence.endpoint import ControllerFacts, ProbeRequest, RegistryEndpoint, parted
from moor.tasks.diagnosis.evidence.pods import waits
from moor.tasks.diagnosis.evidence.pull_secrets import login_of_pod
from moor.tasks.diagnosis.inventory_registry import ours_of
from moor.tasks.diagnosis.messages.fields import Ours
from moor.tasks.diagnosis.registry_view import Login, registry_view
from moor.tasks.diagnosis.subject import asked_of, node_name, workloads_of
from moor.tasks.workload.deploy import Workloads

IMAGES = 8  # that one node is asked about; each is some requests


@dataclass(frozen=True)
class Asking:
    """One image that a node is asked about, and what the controller knows of it.

    Attributes:
        robot: the login that the inventory has for it
    """

    asked: ProbeRequest
    known: ControllerFacts
    robot: Login | None


def asking_of(
    task: Task, scope: DiagnosisScope, view: ClusterView | str | None, door: RegistryEndpoint, image: str
) -> Asking:
    robot, known = _asked_of_harbor(task, scope, image)
    login = robot
    if scope.own_login and isinstance(view, ClusterView):
        login = _own_login(view, door, image, robot)
    ours = _ours(task)
    workload = ours.workloads.get(image)
    known = replace(
        known,
        bring="moor apply images" if image in ours.images else "",
        setter=f"data.workloads.{workload}.image, then moor apply workload" if workload else "",
        own="no" if login and robot and login[0] != robot[0] else "yes",
    )
    return Asking(asked_of(task.host, image, login, scope.pull), known, robot)


def _ours(task: Task) -> Ours:
    """Return the inventory's registry with what the whole fleet brings there, whatever a command is limited to."""
    return ask_once(task, ("ours",), lambda: ours_of(fleet_of(task).hosts.values()))


def images_to_ask(
    task: Task, scope: DiagnosisScope, view: ClusterView | str | None, door: RegistryEndpoint
) -> list[str]:
    """Choose the images that a node is asked about: those that pods wait on there, else one of a pod or a workload."""
    workloads = [workload.image for workload in workloads_of(task, scope).values()]
    if not scope.own_login or not isinstance(view, ClusterView):
        return workloads[:1]
    node = node_name(task, view, identity_of("", written_in(task.host.data)))
    pods = sorted(view.pods, key=lambda pod: (not waits(pod), (pod.get("spec") or {}).get("nodeName") != node))
    here = [pod for pod in pods if waits(pod) and (pod.get("spec") or {}).get("nodeName") == node]
    found = [image for pod in here or pods[:1] for image in images_of(pod, door.host_port)]
    return list(dict.fromkeys(found))[:IMAGES] or workloads[:1]


def _asked_of_harbor(task: Task, scope: DiagnosisScope, image: str) -> tuple[Login | None, ControllerFacts]:
    own = [w.robot for w in settings_of(task.host, Workloads).by_name.values() if _project(w.image) == _project(image)]
    robot = own[0] if own else ""
    return ask_once(task, ("harbor", image, robot), lambda: registry_view(task, image, robot))


def _project(image: str) -> str:
    return image.partition("/")[0]


def _own_login(view: ClusterView, door: RegistryEndpoint, image: str, robot: Login | None) -> Login | None:
    """Return the login that the pull secrets of a pod hold for an image: the robot's where it is among them."""
    for pod in view.pods:
        if image in images_of(pod, door.host_port):
            found = login_of_pod(pod, image, view, door.host_port, robot[0] if robot else "")
            if found:
                return found.user, Secret(found.password)
    return robot


def wanted_of(task: Task, door: RegistryEndpoint, asking: Sequence[Asking]) -> PodExpectations:
    first = asking[0]
    sure = first.robot and first.known.harbor == "answers"
    hashed = (first.robot[0], sha256(first.robot[1].reveal())) if first.robot and sure else None
    digests = {parted(one.asked.image)[0]: one.known.digest for one in asking if one.known.digest}
    workloads = settings_of(task.host, Workloads).by_name.items()
    managed = {(w.namespace, name) for name, w in workloads} | {(w.namespace, w.pull_secret) for _, w in workloads}
    return PodExpectations(door.host_port, hashed, digests, _ours(task), frozenset(managed))
