"""Workloads in the cluster: namespace, pull secret, objects, rollouts, and the deletion of what is left over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.connections.apis.kubernetes import explain_unusable_kubeconfig
from moor.context import context_of
from moor.engine.converge import converge, refuse_duplicates
from moor.engine.desired import Desired
from moor.errors import ErrorKind, HostError, InputError, MoorError, UnfitInput, merge_errors
from moor.resources.base import Resource
from moor.settings import settings_of
from moor.tasks.cluster.admission import pod_spec_of
from moor.tasks.cluster.api import class_of, is_silent, open_cluster
from moor.tasks.cluster.autoscaling import targets
from moor.tasks.cluster.custom_kinds import DEFINITION, learn_kinds
from moor.tasks.cluster.objects import Manifest, Namespace, object_id
from moor.tasks.cluster.settings import ClusterSettings
from moor.tasks.facts import Registry
from moor.tasks.registry.project.settings import Projects
from moor.tasks.registry.projects import project_of, refuse_unknown_login
from moor.tasks.workload.chart_access import PendingCharts, RegistryNotThere, chart_access_of
from moor.tasks.workload.checks import refuse
from moor.tasks.workload.known_objects import images_of_objects
from moor.tasks.workload.objects import Tree, all_local, manifests
from moor.tasks.workload.prepull.resource import PrePull
from moor.tasks.workload.progress import API_VERSIONS
from moor.tasks.workload.prune import Leftovers
from moor.tasks.workload.pull_secret import PullSecret
from moor.tasks.workload.rollout import Rollout
from moor.tasks.workload.settings import Workload, Workloads

Objects = Mapping[str, list[Tree]]  # of each workload


@dataclass(frozen=True)
class WorkloadPart:
    """Resources that fail together: those that all workloads of a namespace share, or those of one workload."""

    namespace: str
    workload: str
    resources: tuple[Resource, ...]


def desired(host: Host) -> Sequence[Resource]:
    """Return the namespaces and pull secrets, each namespace followed by its workloads' objects and rollouts.

    What only the cluster or a registry tells, such as its own kinds and charts, is left out. A kubeconfig that does not
    exist yet fails only the stage that needs it, so that a registry can be built before its cluster.

    Raises:
        InputError: the manifests or the kubeconfig are wrong; the error lists everything
        UnfitInput: the kubeconfig cannot be used
    """
    cluster = settings_of(host, ClusterSettings)
    broken = explain_unusable_kubeconfig(cluster.kubeconfig, cluster.context)
    try:
        found = [resource for part in known_parts(host) for resource in part.resources]
    except InputError as error:
        if not broken:
            raise
        raise InputError(f"{broken}\n{error}") from None
    if broken:
        raise UnfitInput(broken)
    return found


def known_parts(host: Host) -> list[WorkloadPart]:
    """Return the resources of the host's cluster as far as neither cluster nor registry is asked; see ``parts``."""
    workloads = settings_of(host, Workloads).by_name
    return parts(host, {name: manifests(host, name, workload) for name, workload in workloads.items()})


def parts(host: Host, objects: Objects) -> list[WorkloadPart]:
    """Return the resources of the host's cluster, grouped, in the order in which they are applied.

    Args:
        objects: of the workloads; others are left out

    Raises:
        InputError: a workload is wrong
    """
    workloads = {name: one for name, one in settings_of(host, Workloads).by_name.items() if name in objects}
    refuse(host, workloads, objects)
    found: list[WorkloadPart] = []
    for namespace in dict.fromkeys(workload.namespace for workload in workloads.values()):
        inside = {name: workload for name, workload in workloads.items() if workload.namespace == namespace}
        found.append(WorkloadPart(namespace, "", tuple(_common(host, namespace, inside, objects))))
        found.extend(
            WorkloadPart(namespace, name, tuple(_own(name, workload, objects[name])))
            for name, workload in inside.items()
        )
    refuse_duplicates([resource for part in found for resource in part.resources])
    return found


def _common(host: Host, namespace: str, inside: Mapping[str, Workload], objects: Objects) -> Iterator[Resource]:
    """Yield the namespace and its pull secrets; manifests may define the namespace itself."""
    defined = [content for name in inside for content in objects[name] if _is_namespace(content, namespace)]
    manage = all(workload.manage_namespace for workload in inside.values())
    yield from map(Manifest, defined) if defined else [Namespace(namespace, manage)]
    yield from dict.fromkeys(
        secret for name, workload in inside.items() for secret in _pull_secrets(host, name, workload, objects[name])
    )


def _own(name: str, workload: Workload, objects: Sequence[Tree]) -> Iterator[Resource]:
    """Yield the objects of one workload, then their rollouts, then what is left over of former ones."""
    own = [content for content in objects if not _is_namespace(content, workload.namespace)]
    definitions = [one for one in own if one["kind"] == DEFINITION]
    pulling = tuple(one for one in own if pod_spec_of(one))
    for content in own:
        if class_of(content) is None:
            continue  # a kind of the cluster's, about which nobody was asked yet
        if workload.prepull and content in pulling[:1]:
            yield PrePull(name, workload.namespace, workload.prepull, pulling)
        yield Manifest(
            content,
            frozenset(workload.take_over),
            any(_scales(one, content) for one in own),
            next((object_id(one) for one in definitions if _defines(one, content)), ""),
        )
        if content["kind"] == DEFINITION:
            yield _rollout(content, workload)
    yield from (_rollout(one, workload) for one in own if one["kind"] in API_VERSIONS and one["kind"] != DEFINITION)
    if workload.prune:
        kinds = dict.fromkeys((str(one["apiVersion"]), str(one["kind"])) for one in objects)
        yield Leftovers(workload.namespace, name, frozenset(map(object_id, objects)), tuple(kinds))


def _rollout(content: Tree, workload: Workload) -> Rollout:
    metadata = content["metadata"]
    return Rollout(str(metadata.get("namespace", "")), str(metadata["name"]), workload.wait_s, str(content["kind"]))


def _scales(autoscaler: Tree, content: Tree) -> bool:
    return autoscaler["kind"] == "HorizontalPodAutoscaler" and targets(autoscaler, content)


def _defines(definition: Tree, content: Tree) -> bool:
    spec = definition.get("spec") or {}
    group, kind = str(content["apiVersion"]).rpartition("/")[0], (spec.get("names") or {}).get("kind")
    return (spec.get("group"), kind) == (group, content["kind"])


def _is_namespace(content: Mapping[str, Any], name: str) -> bool:
    return (content["kind"], content["metadata"]["name"]) == ("Namespace", name)


def deploy_workload(task: Task) -> Result:
    """Deploy the workloads; go on with the others if one fails."""
    open_cluster(task)
    done, errors, lost = list[Result](), list[MoorError](), set[str]()
    objects, pending = read_objects(task, errors)
    former = former_resources(task)
    for part in [*parts(task.host, objects), *(WorkloadPart(one.namespace, one.workload, (one,)) for one in pending)]:
        if part.namespace in lost:
            words = f"workload {part.workload}: skipped: its namespace {part.namespace} failed"
            errors.append(HostError(words, ErrorKind.SKIPPED))
            continue
        try:
            done.append(converge(task, part.resources, former))
        except MoorError as error:
            errors.append(error)
            if is_silent(error):
                break
            lost.update([part.namespace] if not part.workload else ())
    if errors:
        raise merge_errors(errors)
    words = "; ".join(str(one.result) for one in done)
    return Result(host=task.host, result=words, changed=any(one.changed for one in done))


def former_resources(task: Task) -> Desired:
    """Return the function that returns what the cluster should hold by former settings; it reads charts once."""
    known: list[Resource] = []

    def of(former: Host) -> Sequence[Resource]:
        if not known:
            objects, _ = read_objects(task, [], former)
            known.extend(resource for part in parts(former, objects) for resource in part.resources)
        return known

    return of


def read_objects(
    task: Task, errors: list[MoorError], host: Host | None = None
) -> tuple[dict[str, list[Tree]], list[PendingCharts]]:
    """Return the objects of each workload, with what only the cluster and the registries tell.

    Args:
        errors: receives what keeps a workload's objects from being known; that workload is left out
        host: whose settings have the workloads; by default the task's

    Returns:
        the objects, and the charts that a plan cannot read yet

    Raises:
        HostError: the cluster's API does not answer
    """
    found, pending = dict[str, list[Tree]](), list[PendingCharts]()
    planning = task.is_dry_run() and not context_of(task).examining
    host = host or task.host
    for name, workload in settings_of(host, Workloads).by_name.items():
        reach = None if all_local(workload) else chart_access_of(task)
        try:
            objects = manifests(host, name, workload, reach)
            learn_kinds(task, objects)
            found[name] = objects
        except RegistryNotThere as error:
            if planning:
                pending.append(PendingCharts(workload.namespace, name, str(error)))
            else:
                errors.append(error)
        except UnfitInput as error:  # a chart that is not in the registry, or not for this cluster
            errors.append(HostError(str(error), ErrorKind.INPUT))
        except HostError as error:
            if is_silent(error):
                raise
            errors.append(error.reworded("\n".join(f"workload {name}: {line}" for line in str(error).splitlines())))
    return found, pending


def _pull_secrets(host: Host, name: str, workload: Workload, objects: Sequence[Tree]) -> Iterator[PullSecret]:
    """Yield the pull secret of a workload, with a robot of the project of its image, or of one of its images."""
    if not workload.robot:
        return
    registry = settings_of(host, Registry)
    images = [workload.image] if workload.image else images_of_objects(objects, registry.host_port)
    if not images and (not objects or not all_local(workload)):
        return  # there is nothing to pull yet
    if not images:
        raise InputError(
            f"workload {name}: it has robot {workload.robot}, and no image of its manifests "
            f"is in the registry {registry.host_port}; drop robot, or write rewrite_images"
        )
    projects = list(dict.fromkeys(map(project_of, images)))
    known = settings_of(host, Projects).by_name
    project = next((one for one in projects if one in known and workload.robot in known[one].robots), projects[0])
    refuse_unknown_login(host, project, workload.robot)
    yield PullSecret(workload.namespace, workload.pull_secret, registry.host_port, project, workload.robot)
