"""The objects of a workload: from moor's template, or from manifests of their owner's."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from nornir.core.inventory import Host

from moor.context import site_of
from moor.errors import AmbiguousYaml, InputError
from moor.settings import settings_of
from moor.tasks.cluster.api import class_of
from moor.tasks.cluster.custom_kinds import is_of_whole_cluster, learn_definitions
from moor.tasks.cluster.kube_yaml import documents, split_list
from moor.tasks.facts import Registry
from moor.tasks.workload.image_names import with_pull_secret, with_rewritten_images
from moor.tasks.workload.settings import Workload
from moor.tasks.workload.sources import ManifestText, Reach, manifest_texts
from moor.templates import render

Tree = dict[str, Any]

NAMESPACE_LABEL, WORKLOAD_LABEL = "io.moor/namespace", "io.moor/workload"  # of what belongs to a workload
LONGEST_LABEL = 63
CUSTOM = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+/v[0-9][a-z0-9]*")  # the apiVersion of kinds that a cluster may have
HOOK, TEST_HOOKS = "helm.sh/hook", ("test", "test-success", "test-failure")
# What PodSecurity's level restricted requires; the image needs a numeric USER.
RESTRICTED_POD: Tree = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
RESTRICTED: Tree = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
# The order in which manifests are applied, so that what others need is there before them.
FIRST = (
    *("Namespace", "CustomResourceDefinition", "PriorityClass", "StorageClass", "ResourceQuota", "LimitRange"),
    *("NetworkPolicy", "PodDisruptionBudget", "ServiceAccount", "Secret", "ConfigMap"),
    *("PersistentVolume", "PersistentVolumeClaim", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "Service",
)
LAST = ("DaemonSet", "Pod", "ReplicaSet", "Deployment", "StatefulSet", "HorizontalPodAutoscaler", "Job", "CronJob")


def manifests(host: Host, name: str, workload: Workload, reach: Reach | None = None) -> list[Tree]:
    """Return a workload's objects.

    Args:
        reach: how the registry of a chart is reached; without it, charts in registries are left out

    Raises:
        InputError: something is not YAML of Kubernetes, or cannot be rendered
    """
    host_port = settings_of(host, Registry).host_port
    if workload.manifests is None:
        text = render(workload.template, site_of(host).directory, **template_values(host_port, name, workload))
        found = objects_of(text, f"templates/{workload.template}: workload {name}")
        learn_definitions(found)
        return [with_labels(one, name, workload) for one in found] if workload.prune else found
    texts = list(manifest_texts(host, name, workload, reach))
    found = [one for text in texts for one in _objects_in(text)]
    if not found and workload.manifests and all_local(workload):
        raise InputError(f"workload {name}: manifests: they have no object")
    learn_definitions(found)
    return [_as_ours(one, name, workload, host_port) for one in sorted(found, key=rank)]


def all_local(workload: Workload) -> bool:
    """Return whether all manifests are known before a registry is asked."""
    return not any(getattr(source, "is_remote", False) for source in workload.manifests or ())


def template_values(host_port: str, name: str, workload: Workload) -> Tree:
    """Return the values of which a template makes a workload's objects.

    Args:
        host_port: of the registry
    """
    left_out = {"template", "image", "manifests", "rewrite_images", "prune", "take_over", "prepull"}
    values = workload.model_dump(exclude=left_out)
    values |= {"name": name, "image": f"{host_port}/{workload.image}"}
    values["pull_secret"] = workload.pull_secret if workload.robot else ""
    if workload.restricted:
        values["pod_security_context"] = RESTRICTED_POD | workload.pod_security_context
        values["security_context"] = RESTRICTED | workload.security_context
    values["env"] = [_variable(key, value) for key, value in workload.env.items()]
    if workload.port and not workload.readiness_probe:
        values["readiness_probe"] = {"tcpSocket": {"port": workload.port}, "periodSeconds": 2}
    return values


def _variable(name: str, value: object) -> Tree:
    if isinstance(value, Mapping):
        return {"name": name, "valueFrom": dict(value)}
    return {"name": name, "value": str(value).lower() if isinstance(value, bool) else str(value)}


def _as_ours(content: Tree, name: str, workload: Workload, host_port: str) -> Tree:
    """Return an object of somebody's manifests with namespace, labels, image names and pull secret of the workload."""
    placed = with_labels(with_namespace(content, workload.namespace), name, workload)
    rewritten = with_rewritten_images(placed, workload.rewrite_images, host_port)
    return with_pull_secret(rewritten, workload.pull_secret, host_port) if workload.robot else rewritten


def with_namespace(content: Tree, namespace: str) -> Tree:
    """Return the object in this namespace if it names none; without one, as kubectl has it, if it belongs into none."""
    metadata = {key: value for key, value in content["metadata"].items() if key != "namespace"}
    if not is_of_whole_cluster(content):
        metadata["namespace"] = content["metadata"].get("namespace") or namespace
    return {**content, "metadata": metadata}


def with_labels(content: Tree, name: str, workload: Workload) -> Tree:
    """Return the object with the labels by which moor finds it again when it is no longer in the manifests."""
    metadata = deepcopy(dict(content["metadata"]))
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels_of(name, workload.namespace)}
    return {**content, "metadata": metadata}


def labels_of(name: str, namespace: str) -> dict[str, str]:
    """Return the labels of a workload's objects; a name that is longer than a label may be is cut."""
    if len(name) > LONGEST_LABEL:
        name = f"{name[:50].rstrip('.-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return {NAMESPACE_LABEL: namespace, WORKLOAD_LABEL: name}


def rank(content: Mapping[str, Any]) -> int:
    """Return the place of an object in the order of an apply."""
    kind = str(content["kind"])
    if kind in FIRST:
        return FIRST.index(kind)
    return len(FIRST) + (LAST.index(kind) if kind in LAST else len(LAST))


def _objects_in(source: ManifestText) -> Iterator[Tree]:
    """Yield the objects of a text, without the tests of a chart.

    Raises:
        InputError: the chart has hooks, and the inventory does not say to leave them out
    """
    hooks: list[str] = []
    for content in objects_of(source.text, source.where):
        kinds = _hooks_of(content) if source.chart else ()
        if not kinds:
            yield content
        elif not all(kind in TEST_HOOKS for kind in kinds):
            hooks.append(f"{content['kind']} {content['metadata']['name']} ({', '.join(kinds)})")
    if hooks and source.chart and source.chart.hooks:
        raise InputError(
            f"{source.where}: the chart has hooks, which moor does not run: {'; '.join(hooks)}; write hooks: false "
            "beside chart to leave them out"
        )


def _hooks_of(content: Tree) -> Sequence[str]:
    said = str((content["metadata"].get("annotations") or {}).get(HOOK) or "")
    return [kind.strip() for kind in said.split(",") if kind.strip()]


def objects_of(text: str, where: str) -> list[Tree]:
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
    return list(_checked(found, where))


def _checked(found: Iterable[Any], where: str) -> Iterator[Tree]:
    for tree in found:
        if not (isinstance(tree, Mapping) and _named(tree)):
            raise InputError(f"{where}: needs apiVersion, kind and metadata with a name")
        if class_of(tree) is None and not CUSTOM.fullmatch(str(tree["apiVersion"])):
            raise InputError(
                f"{where}: moor knows no kind {tree['kind']} of {tree['apiVersion']}; is apiVersion the "
                "one that kubectl api-resources shows?"
            )
        yield dict(tree)


def _named(tree: Mapping[str, Any]) -> bool:
    metadata = tree.get("metadata")
    return bool(tree.get("apiVersion") and tree.get("kind") and isinstance(metadata, Mapping) and metadata.get("name"))
