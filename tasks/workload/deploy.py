"""Workloads that run images of the registry: namespace, pull secret, Deployment and its rollout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from pydantic import ConfigDict, Field

from moor.connections.apis.kubernetes import explain_unusable_kubeconfig
from moor.context import runs_registry, site_of
from moor.engine.converge import converge, refuse_duplicates
from moor.errors import AmbiguousYaml, ErrorKind, HostError, InputError, MoorError, UnfitInput, merge_errors
from moor.resources.base import Resource
from moor.settings import Section, settings_of
from moor.settings.section import StrictModel
from moor.tasks.cluster import ClusterSettings
from moor.tasks.cluster.admission import pod_spec_of
from moor.tasks.cluster.api import class_of, is_silent
from moor.tasks.cluster.kube_yaml import documents, split_list
from moor.tasks.cluster.objects import Manifest, Namespace
from moor.tasks.facts import Registry
from moor.tasks.images.push import ImageName
from moor.tasks.registry import Projects
from moor.tasks.registry.projects import given_login, project_of, refuse_unknown_login
from moor.tasks.workload.pull_secret import PullSecret
from moor.tasks.workload.rollout import Rollout
from moor.templates import render

KubeName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
# The name of a Deployment, which may hold dots; whether a container of the template may have it is for the API to say.
WorkloadName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
Port = Annotated[int, Field(ge=1, le=65535)]


class Workload(StrictModel):
    """The settings of one workload.

    Attributes:
        manage_namespace: false for a namespace that somebody else creates
        image: PROJECT/REPOSITORY:TAG in the registry
        robot: of the image's project, or a login of ``data.logins``, which goes into the pull secret; empty for an
            image that anybody may pull
        pull_secret: the name of the secret in ``namespace``
        restricted: whether the shipped template meets PodSecurity's level ``restricted``
        template: the name of a file in templates/; the site's own takes precedence over the shipped one
        wait_s: how long the rollout may take
    """

    namespace: KubeName
    manage_namespace: bool = True
    image: ImageName
    robot: str = ""
    pull_secret: KubeName = "registry"  # noqa: S105 - the name of a secret
    replicas: Annotated[int, Field(ge=0)] = 1
    port: Port | None = None
    host_port: Port | None = None
    restricted: bool = True
    template: str = "deployment.yaml.j2"
    wait_s: Annotated[int, Field(ge=1)] = 300


class Workloads(Section):
    """The section ``workloads``: the settings of each workload, by its name."""

    model_config = ConfigDict(extra="allow")

    section: ClassVar[str] = "workloads"
    done_on: ClassVar[str] = "control_plane"
    __pydantic_extra__: dict[WorkloadName, Workload]

    @property
    def by_name(self) -> dict[str, Workload]:
        return dict(self.__pydantic_extra__)


@dataclass(frozen=True)
class WorkloadPart:
    """Resources that fail together: those that all workloads of a namespace share, or those of one workload."""

    namespace: str
    workload: str
    resources: tuple[Resource, ...]


def desired(host: Host) -> Sequence[Resource]:
    """Return the namespaces and pull secrets, each namespace followed by its workloads' objects and rollouts.

    A kubeconfig that does not exist yet fails only the stage that needs it, so that a registry can be built before its
    cluster.

    Raises:
        InputError: the templates or the kubeconfig are wrong; the error lists everything
        UnfitInput: the kubeconfig cannot be used
    """
    cluster = settings_of(host, ClusterSettings)
    broken = explain_unusable_kubeconfig(cluster.kubeconfig, cluster.context)
    try:
        found = [resource for part in parts(host) for resource in part.resources]
    except InputError as error:
        if not broken:
            raise
        raise InputError(f"{broken}\n{error}") from None
    if broken:
        raise UnfitInput(broken)
    return found


def parts(host: Host) -> list[WorkloadPart]:
    """Return the resources of the host's cluster, grouped, in the order in which they are applied.

    Raises:
        InputError: a template or a workload is wrong
    """
    workloads = settings_of(host, Workloads).by_name
    objects = {name: manifests(host, name, workload) for name, workload in workloads.items()}
    refuse(host, workloads, objects)
    found: list[WorkloadPart] = []
    for namespace in dict.fromkeys(workload.namespace for workload in workloads.values()):
        inside = {name: workload for name, workload in workloads.items() if workload.namespace == namespace}
        found.append(WorkloadPart(namespace, "", tuple(_common(host, namespace, inside, objects))))
        found.extend(
            WorkloadPart(namespace, name, tuple(_own(name, workload, objects))) for name, workload in inside.items()
        )
    refuse_duplicates([resource for part in found for resource in part.resources])
    return found


def _common(
    host: Host, namespace: str, inside: Mapping[str, Workload], objects: Mapping[str, list[dict[str, Any]]]
) -> Iterator[Resource]:
    """Yield the namespace and its pull secrets; a template may define the namespace itself."""
    defined = [content for name in inside for content in objects[name] if _is_namespace(content, namespace)]
    manage = all(workload.manage_namespace for workload in inside.values())
    yield from map(Manifest, defined) if defined else [Namespace(namespace, manage)]
    yield from dict.fromkeys(_pull_secret(host, workload) for workload in inside.values() if workload.robot)


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
    """Deploy the workloads; go on with the others if one fails."""
    open_cluster(task)
    done, errors, lost = list[Result](), list[MoorError](), set[str]()
    for part in parts(task.host):
        if part.namespace in lost:
            words = f"workload {part.workload}: skipped: its namespace {part.namespace} failed"
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
    words = "; ".join(str(one.result) for one in done)
    return Result(host=task.host, result=words, changed=any(one.changed for one in done))


def open_cluster(task: Task) -> None:
    """Connect to the cluster of this host unless the connection is open."""
    if "kubernetes" not in task.host.connections:
        cluster = settings_of(task.host, ClusterSettings)
        extras = {"kubeconfig": str(cluster.kubeconfig), "context": cluster.context}
        task.host.open_connection("kubernetes", task.nornir.config, extras=extras, default_to_host_attributes=False)


def _pull_secret(host: Host, workload: Workload) -> PullSecret:
    project = project_of(workload.image)
    refuse_unknown_login(host, project, workload.robot)
    registry = settings_of(host, Registry)
    return PullSecret(workload.namespace, workload.pull_secret, registry.host_port, project, workload.robot)


def manifests(host: Host, name: str, workload: Workload) -> list[dict[str, Any]]:
    """Render a workload's template and return its objects.

    Raises:
        InputError: the result is not YAML of Kubernetes
    """
    image = f"{settings_of(host, Registry).host_port}/{workload.image}"
    values = {**workload.model_dump(exclude={"template", "image"}), "name": name, "image": image}
    values["pull_secret"] = workload.pull_secret if workload.robot else ""
    text = render(workload.template, site_of(host).directory, **values)
    return objects_of(text, f"templates/{workload.template}: workload {name}")


def objects_of(text: str, where: str) -> list[dict[str, Any]]:
    """Parse Kubernetes YAML of any number of documents, as kubectl does.

    Args:
        where: the beginning of error messages

    Raises:
        InputError: not YAML, or an object without name or of an unknown kind
    """
    try:
        found = [tree for document in documents(text) if document for tree in split_list(document)]
    except AmbiguousYaml as error:
        raise InputError(f"{where}: {error}") from None
    for tree in found:
        if not (isinstance(tree, Mapping) and _named(tree)):
            raise InputError(f"{where}: needs apiVersion, kind and metadata with a name")
        if class_of(tree) is None:
            raise InputError(
                f"{where}: moor knows no kind {tree['kind']} of {tree['apiVersion']}; "
                "apply custom resources with kubectl"
            )
    return [dict(tree) for tree in found]


def _named(tree: Mapping[str, Any]) -> bool:
    metadata = tree.get("metadata")
    return bool(tree.get("apiVersion") and tree.get("kind") and isinstance(metadata, Mapping) and metadata.get("name"))


def refuse(host: Host, workloads: Mapping[str, Workload], objects: Mapping[str, list[dict[str, Any]]]) -> None:
    """Check the manifests for everything that would keep pods from pulling.

    Raises:
        InputError: with all findings
    """
    secrets = {(workload.namespace, workload.pull_secret) for workload in workloads.values() if workload.robot}
    found = [
        f"templates/{workload.template}: workload {name}: {finding}"
        for name, workload in workloads.items()
        for content in objects[name]
        for finding in findings(
            content,
            workload.namespace,
            settings_of(host, Registry).host_port,
            secrets,
            with_login=bool(workload.robot),
        )
    ]
    found += [line for name, workload in workloads.items() for line in _misplaced(host, name, workload)]
    if found:
        raise InputError("\n".join(found))


def _misplaced(host: Host, name: str, workload: Workload) -> Iterator[str]:
    """Yield why the registry cannot hold a workload's image."""
    project, known = project_of(workload.image), settings_of(host, Projects).by_name
    if not project and settings_of(host, Registry).api == "harbor":
        yield f"workload {name}: image {workload.image} has no project; Harbor's are PROJECT/REPOSITORY:TAG"
    elif project not in known and (runs_registry(host) or known) and not given_login(host, project, workload.robot):
        yield f"workload {name}: data.projects has no project {project}, where its image would be"


def findings(
    content: Mapping[str, Any],
    namespace: str,
    host_port: str,
    secrets: set[tuple[str, str]],
    *,
    with_login: bool = True,
) -> Iterator[str]:
    """Yield why the pods of one object could not pull with the pull secrets that moor creates."""
    place = content["metadata"].get("namespace", "default")
    from lightkube.core.resource import GlobalResource, NamespacedResource

    if not issubclass(class_of(content) or NamespacedResource, GlobalResource) and place != namespace:
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
        elif not names and with_login:
            yield f"image {image} needs imagePullSecrets"
