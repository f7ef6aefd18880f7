"""Workloads that run from the registry: their namespace, their pull secret, their Deployment, rolled out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from pydantic import ConfigDict, Field

from moor.connections.apis.kubernetes import unusable
from moor.context import site_of
from moor.engine.converge import converge, refuse_duplicates
from moor.errors import AmbiguousYaml, ErrorKind, HostError, InputError, MoorError, UnfitInput, merge_errors
from moor.resources.base import Resource
from moor.settings import Section, settings_of
from moor.settings.section import Strict
from moor.tasks.cluster.admission import pod_spec_of
from moor.tasks.cluster.api import is_silent, kind_of
from moor.tasks.cluster.kube_yaml import documents, parted
from moor.tasks.cluster.objects import Manifest, Namespace
from moor.tasks.cluster.settings import ClusterSettings
from moor.tasks.facts import Registry
from moor.tasks.images.push import ImageName
from moor.tasks.registry.projects import Projects, secret_of
from moor.tasks.workload.pull_secret import PullSecret
from moor.tasks.workload.rollout import Rollout
from moor.templates import render

KubeName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Port = Annotated[int, Field(ge=1, le=65535)]


class Workload(Strict):
    """One Deployment.

    Attributes:
        image: PROJECT/REPOSITORY:TAG in the registry
        robot: of the image's project, whose login goes into the pull secret
        pull_secret: the secret's name, made in ``namespace``
        restricted: the shipped template asks for what PodSecurity's level ``restricted`` demands
        template: in templates/, the site's own first
        wait_s: how long the rollout may take

    ``manage_namespace: false`` is for a namespace that somebody else makes.
    """

    namespace: KubeName
    manage_namespace: bool = True
    image: ImageName
    robot: str
    pull_secret: KubeName = "registry"  # noqa: S105 - the name of a secret
    replicas: Annotated[int, Field(ge=0)] = 1
    port: Port | None = None
    host_port: Port | None = None
    restricted: bool = True
    template: str = "deployment.yaml.j2"
    wait_s: Annotated[int, Field(ge=1)] = 300


class Workloads(Section):
    """Workloads by name."""

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "workloads"
    done_on: ClassVar[str] = "control_plane"
    __pydantic_extra__: dict[str, Workload]

    @property
    def by_name(self) -> dict[str, Workload]:
        return dict(self.__pydantic_extra__)


@dataclass(frozen=True)
class Part:
    """Resources that stand or fall together: what all workloads of a namespace need, or one workload."""

    namespace: str
    workload: str
    resources: tuple[Resource, ...]


def desired(host: Host) -> Sequence[Resource]:
    """Namespaces and pull secrets, each namespace followed by its workloads' objects and rollouts.

    Raises:
        InputError: before anything is done, with what is wrong with the kubeconfig too. One that is not there yet is
            an error of the stage alone, so that a registry can be built before its cluster.
        UnfitInput: the kubeconfig alone cannot be used.
    """
    cluster = settings_of(host, ClusterSettings)
    broken = unusable(cluster.kubeconfig, cluster.context)
    try:
        found = [resource for part in parts(host) for resource in part.resources]
    except InputError as error:
        if not broken:
            raise
        raise InputError(f"{broken}\n{error}") from None
    if broken:
        raise UnfitInput(broken)
    return found


def parts(host: Host) -> list[Part]:
    """Return what the host's cluster should hold, in working order; raises InputError before anything is done."""
    workloads = settings_of(host, Workloads).by_name
    objects = {name: manifests(host, name, workload) for name, workload in workloads.items()}
    refuse(host, workloads, objects)
    found: list[Part] = []
    for namespace in dict.fromkeys(workload.namespace for workload in workloads.values()):
        inside = {name: workload for name, workload in workloads.items() if workload.namespace == namespace}
        found.append(Part(namespace, "", tuple(_common(host, namespace, inside, objects))))
        found.extend(Part(namespace, name, tuple(_own(name, workload, objects))) for name, workload in inside.items())
    refuse_duplicates([resource for part in found for resource in part.resources])
    return found


def _common(
    host: Host, namespace: str, inside: Mapping[str, Workload], objects: Mapping[str, list[dict[str, Any]]]
) -> Iterator[Resource]:
    """Yield the namespace, as a template has it if one does, and the pull secrets in it."""
    made = [content for name in inside for content in objects[name] if _is_namespace(content, namespace)]
    manage = all(workload.manage_namespace for workload in inside.values())
    yield from map(Manifest, made) if made else [Namespace(namespace, manage)]
    yield from dict.fromkeys(_pull_secret(host, workload) for workload in inside.values())


def _own(name: str, workload: Workload, objects: Mapping[str, list[dict[str, Any]]]) -> Iterator[Resource]:
    """Yield the objects of one workload, then their rollouts."""
    own = [content for content in objects[name] if not _is_namespace(content, workload.namespace)]
    yield from map(Manifest, own)
    for content in own:
        if content["kind"] == "Deployment":
            yield Rollout(workload.namespace, content["metadata"]["name"], workload.wait_s)


def _is_namespace(content: Mapping[str, Any], name: str) -> bool:
    return (content["kind"], content["metadata"]["name"]) == ("Namespace", name)


def deploy_workload(task: Task) -> Result:
    """Make the workloads run from the registry; one that fails keeps none of the others from it."""
    open_cluster(task)
    done, errors, lost = list[Result](), list[MoorError](), set[str]()
    for part in parts(task.host):
        if part.namespace in lost:
            words = f"workload {part.workload}: not begun: its namespace {part.namespace} failed before"
            errors.append(HostError(words, ErrorKind.SKIPPED))
            continue
        try:
            done.append(converge(task, part.resources))
        except MoorError as error:
            errors.append(error)
            if is_silent(error):
                break
            lost.update([part.namespace] if not part.workload else ())
    if errors:
        raise merge_errors(errors)
    words, diff = "; ".join(str(one.result) for one in done), "\n".join(one.diff for one in done if one.diff)
    return Result(host=task.host, result=words, changed=any(one.changed for one in done), diff=diff)


def open_cluster(task: Task) -> None:
    """Open the connection to the cluster of this host, once."""
    if "kubernetes" not in task.host.connections:
        cluster = settings_of(task.host, ClusterSettings)
        extras = {"kubeconfig": str(cluster.kubeconfig), "context": cluster.context}
        task.host.open_connection("kubernetes", task.nornir.config, extras=extras, default_to_host_attributes=False)


def _pull_secret(host: Host, workload: Workload) -> PullSecret:
    project = workload.image.partition("/")[0]
    secret_of(host, project, workload.robot)
    registry = settings_of(host, Registry)
    return PullSecret(workload.namespace, workload.pull_secret, registry.host_port, project, workload.robot)


def manifests(host: Host, name: str, workload: Workload) -> list[dict[str, Any]]:
    """Render a workload's template; raises InputError where it is no Kubernetes YAML."""
    image = f"{settings_of(host, Registry).host_port}/{workload.image}"
    values = {**workload.model_dump(exclude={"template", "image"}), "name": name, "image": image}
    text = render(workload.template, site_of(host).directory, **values)
    return objects_of(text, f"templates/{workload.template}: workload {name}")


def objects_of(text: str, where: str) -> list[dict[str, Any]]:
    """Read Kubernetes YAML of any number of documents, as kubectl does; raises InputError, ``where`` in front."""
    try:
        found = [tree for document in documents(text) if document for tree in parted(document)]
    except AmbiguousYaml as error:
        raise InputError(f"{where}: {error}") from None
    for tree in found:
        if not (isinstance(tree, Mapping) and _named(tree)):
            raise InputError(f"{where}: needs apiVersion, kind and metadata with a name")
        if kind_of(tree) is None:
            raise InputError(
                f"{where}: moor knows no kind {tree['kind']} of {tree['apiVersion']}; "
                "apply what a cluster was extended by with kubectl"
            )
    return [dict(tree) for tree in found]


def _named(tree: Mapping[str, Any]) -> bool:
    metadata = tree.get("metadata")
    return bool(tree.get("apiVersion") and tree.get("kind") and isinstance(metadata, Mapping) and metadata.get("name"))


def refuse(host: Host, workloads: Mapping[str, Workload], objects: Mapping[str, list[dict[str, Any]]]) -> None:
    """Raise InputError with everything in the manifests that would keep pods from pulling."""
    secrets = {(workload.namespace, workload.pull_secret) for workload in workloads.values()}
    found = [
        f"templates/{workload.template}: workload {name}: {finding}"
        for name, workload in workloads.items()
        for content in objects[name]
        for finding in findings(content, workload.namespace, settings_of(host, Registry).host_port, secrets)
    ]
    found += [
        f"workload {name}: data.projects has no project {project}, where its image would be"
        for name, workload in workloads.items()
        if (project := workload.image.partition("/")[0]) not in settings_of(host, Projects).by_name
    ]
    if found:
        raise InputError("\n".join(found))


def findings(
    content: Mapping[str, Any], namespace: str, host_port: str, secrets: set[tuple[str, str]]
) -> Iterator[str]:
    """Yield what is wrong between one object and the pull secrets that will exist."""
    place = content["metadata"].get("namespace", "default")
    from lightkube.core.resource import GlobalResource, NamespacedResource

    if not issubclass(kind_of(content) or NamespacedResource, GlobalResource) and place != namespace:
        yield f"{content['kind']} is in namespace {place}, the workload and its pull secret are in {namespace}"
    pod = pod_spec_of(content)
    names = [entry.get("name") for entry in pod.get("imagePullSecrets") or []]
    for name in names:
        if (place, name) not in secrets:
            known = ", ".join(sorted(secret for where, secret in secrets if where == place)) or "none"
            yield f"imagePullSecrets names {name}, which does not exist in namespace {place} (there: {known})"
    for image in [c.get("image", "") for c in [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]]:
        if image.partition("/")[0] != host_port:
            yield f"image {image} is not in the registry {host_port}, which its pull secret is for"
        elif not names:
            yield f"image {image} needs imagePullSecrets"
