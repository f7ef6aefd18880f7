"""The rights in the cluster that the user of the kubeconfig needs, checked by asking its API."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from ruamel.yaml import YAML

from moor.connections.apis.kubernetes import calling_api, is_forbidden, untyped_class
from moor.context import context_of, site_of
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import ErrorKind, HostError
from moor.secrets import private_files
from moor.settings import optional_settings_of, settings_of
from moor.tasks.cluster.api import as_dict, class_of, cluster_of, open_cluster
from moor.tasks.cluster.settings import ClusterSettings
from moor.tasks.maintenance.drain import drain_of
from moor.tasks.pull_secrets.settings import PullSecrets
from moor.tasks.workload.objects import manifests
from moor.tasks.workload.progress import API_VERSIONS
from moor.tasks.workload.settings import Workloads

# See moor.connections.apis.kubernetes for when lightkube is imported.
if TYPE_CHECKING:
    from lightkube import Client

RBAC = "rbac.authorization.k8s.io"
FILE = "rights.yaml"  # in the site's state directory
PAGE = "docs/rights.md"
WRITE, READ = "moor apply", "moor verify"
DEFAULT_USER = "THE-USER-OF-THE-KUBECONFIG"


@dataclass(frozen=True, order=True)
class ClusterRight:
    """The right to one verb on one kind of object.

    Attributes:
        namespace: empty for the whole cluster
        command: the command that needs it
    """

    namespace: str
    group: str
    resource: str
    verb: str
    command: str

    def __str__(self) -> str:
        where = f"in namespace {self.namespace}" if self.namespace else "in the whole cluster"
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {kind} {where}"


def needed_rights(host: Host) -> list[ClusterRight]:
    """Return the rights that the workloads and pull secrets of a host need; optional rights are left out."""
    workloads = settings_of(host, Workloads).by_name
    found = [ClusterRight("", "", "nodes", "list", READ)] if workloads else []
    for name, workload in workloads.items():
        place = workload.namespace
        if workload.manage_namespace:
            found += _each("", "", "namespaces", WRITE)
        found += _each(place, "", "secrets", WRITE)
        contents = manifests(host, name, workload)
        for content in contents:
            found += _of_object(content, place, workload.prune)
        if workload.prepull:
            found += [ClusterRight(place, "", "pods", verb, WRITE) for verb in ("create", "delete", "list")]
        kinds = {str(one["kind"]) for one in contents} & set(API_VERSIONS)
        found += [right for kind in sorted(kinds) for right in _of_rollout(kind, place)]
        found += [ClusterRight(place, "", resource, "list", READ) for resource in ("pods", "events")]
        found += [ClusterRight(place, "", resource, "get", READ) for resource in ("secrets", "serviceaccounts")]
    found += [*rights_of_pull_secrets(host), *rights_of_drains(host)]
    taken: dict[tuple[str, ...], ClusterRight] = {}
    for right in found:  # a right that apply needs too is reported as apply's
        taken.setdefault((right.namespace, right.group, right.resource, right.verb), right)
    return sorted(taken.values())


def rights_of_pull_secrets(host: Host) -> list[ClusterRight]:
    """Return the rights that ``data.pull_secrets`` needs: in namespaces that are named, else in the whole cluster."""
    section = optional_settings_of(host, PullSecrets)
    found: list[ClusterRight] = []
    for placement in section.by_name.values() if section else ():
        everywhere = bool(placement.namespace_selector) or set(placement.namespaces) != set(placement.named)
        verbs = {"secrets": ("get", "create", "patch", *(["delete"] if placement.prune else []))}
        verbs |= {"serviceaccounts": ("get", "patch")} if placement.service_accounts else {}
        for kind, wanted in verbs.items():
            for place in ("",) if everywhere or placement.prune else placement.named:
                listed = () if place else ("list",)
                found += [ClusterRight(place, "", kind, verb, WRITE) for verb in (*wanted, *listed)]
        found += [ClusterRight("", "", "namespaces", "list", WRITE)] if everywhere or placement.prune else []
    return found


def rights_of_drains(host: Host) -> list[ClusterRight]:
    """Return the rights to drain nodes, if the inventory says so of a host of this cluster."""
    fleet = context_of(host).fleet
    if not any(drain_of(one) for one in (fleet.hosts.values() if fleet else ())):
        return []
    verbs = {"nodes": ("list", "get", "patch"), "pods": ("list",), "pods/eviction": ("create",)}
    return [ClusterRight("", "", kind, verb, WRITE) for kind, wanted in verbs.items() for verb in wanted]


def _each(namespace: str, group: str, resource: str, command: str) -> list[ClusterRight]:
    return [ClusterRight(namespace, group, resource, verb, command) for verb in ("get", "create", "patch")]


def _of_rollout(kind: str, namespace: str) -> list[ClusterRight]:
    """Return the right to read the progress of a rollout."""
    content = {"apiVersion": API_VERSIONS[kind], "kind": kind}
    return [replace(right, command=READ) for right in _of_object(content, namespace) if right.verb == "get"]


def _of_object(content: Mapping[str, Any], namespace: str, prune: bool = False) -> list[ClusterRight]:
    kind: Any = class_of(content)
    if kind is None:
        return []
    from lightkube.core.resource import NamespacedResource, api_info

    info = api_info(kind)
    place, group = namespace if issubclass(kind, NamespacedResource) else "", info.resource.group
    pruning = [ClusterRight(place, group, info.plural, verb, WRITE) for verb in ("list", "delete") if prune]
    return [*_each(place, group, info.plural, WRITE), *pruning]


def check_cluster(task: Task) -> Result:
    """Reach the cluster and report the rights that the user of its kubeconfig lacks; nothing is changed.

    Raises:
        HostError: the cluster does not answer, or ``moor apply`` lacks a right.
    """
    if optional_settings_of(task.host, ClusterSettings) is None or not (rights := needed_rights(task.host)):
        return Result(host=task.host, result="the inventory has nothing for a cluster")
    open_cluster(task)
    client = cluster_of(task)
    lacking = missing_rights(rights, lambda right: has_right(client, right))
    if all(_exists(client, place) for place in {right.namespace for right in rights if right.namespace}):
        lacking = [right for right in lacking if right.resource != "namespaces" or right.verb == "get"]
    if not lacking:
        return Result(host=task.host, result=f"all {len(rights)} rights are granted")
    path = site_of(task.host).state / FILE
    private_files.write(path, rights_manifest(rights, user_of(client)).encode())
    remedy = f"have an administrator run: kubectl apply -f {path} ({PAGE} explains it)"
    if seeing := [right for right in lacking if right.command == READ]:
        what = f"{READ} examines less: the user of the kubeconfig may not {'; not '.join(map(str, seeing))}"
        task.results.append(FindingResult(task.host, Finding("cluster:rights", what, remedy, task.host.name)))
    if writing := [right for right in lacking if right.command == WRITE]:
        words = "\n".join(f"the user of the kubeconfig may not {right}, which {WRITE} needs" for right in writing)
        raise HostError(f"{words}\n{remedy}", ErrorKind.PRIVILEGE)
    return Result(host=task.host, result=f"{len(lacking)} rights to read are missing")


def _exists(client: Client, namespace: str) -> bool:
    """Return whether a namespace exists; if the user may not read namespaces, it is taken to exist."""
    try:
        with calling_api(f"namespace:{namespace}"):
            client.get(untyped_class("v1", "Namespace"), namespace)
    except HostError as error:
        return is_forbidden(error)
    return True


def missing_rights(rights: Iterable[ClusterRight], allowed: Callable[[ClusterRight], bool]) -> list[ClusterRight]:
    """Return the rights that are not granted."""
    return [right for right in rights if not allowed(right)]


def has_right(client: Client, right: ClusterRight) -> bool:
    """Return whether this user has a right, by a SelfSubjectAccessReview, which every user may create."""
    resource, _, part = right.resource.partition("/")
    asked = {"namespace": right.namespace, "verb": right.verb, "group": right.group, "resource": resource}
    asked |= {"subresource": part} if part else {}
    review = untyped_class("authorization.k8s.io/v1", "SelfSubjectAccessReview")(
        {"metadata": {}, "spec": {"resourceAttributes": asked}}
    )
    with calling_api("ask which rights this user has"):
        answer = as_dict(client.create(review))
    return bool((answer.get("status") or {}).get("allowed"))


def user_of(client: Client) -> str:
    """Return the cluster's name for this user; a placeholder before Kubernetes 1.28, which does not report it."""
    from lightkube.generic_resource import GenericGlobalResource, create_api_info

    info = create_api_info("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews")
    kind: Any = type("SelfSubjectReview", (GenericGlobalResource,), {"_api_info": info})
    try:
        with calling_api("ask who this user is"):
            answer = as_dict(client.create(kind({"metadata": {}})))
    except HostError:
        return DEFAULT_USER
    return str(((answer.get("status") or {}).get("userInfo") or {}).get("username") or DEFAULT_USER)


def rights_manifest(rights: Sequence[ClusterRight], user: str) -> str:
    """Return a manifest that grants rights to a user, for ``kubectl apply``."""
    yaml, out = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style = False
    yaml.dump_all(list(role_objects(rights, user)), out)
    return out.getvalue()


def role_objects(rights: Sequence[ClusterRight], user: str) -> Iterator[dict[str, Any]]:
    """Yield a Role and its binding for each namespace, and a ClusterRole and its binding for the whole cluster.

    Each has all rights of the user, so that applying them again removes none, and no other user's.
    """
    name = "moor-" + re.sub(r"[^a-z0-9.]+", "-", user.lower()).strip("-.")
    for namespace in sorted({right.namespace for right in rights}):
        kind = "Role" if namespace else "ClusterRole"
        metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
        common = {"apiVersion": f"{RBAC}/v1", "metadata": metadata}
        rules = list(_rules([right for right in rights if right.namespace == namespace]))
        yield {**common, "kind": kind, "rules": rules}
        reference = {"apiGroup": RBAC, "kind": kind, "name": name}
        yield {**common, "kind": f"{kind}Binding", "roleRef": reference, "subjects": [_subject(user)]}


def _rules(rights: Sequence[ClusterRight]) -> Iterator[dict[str, Any]]:
    for group, resource in sorted({(right.group, right.resource) for right in rights}):
        verbs = [right.verb for right in rights if (right.group, right.resource) == (group, resource)]
        yield {"apiGroups": [group], "resources": [resource], "verbs": sorted(verbs)}


def _subject(user: str) -> dict[str, str]:
    if user.startswith("system:serviceaccount:") and user.count(":") == 3:
        _, _, namespace, name = user.split(":")
        return {"kind": "ServiceAccount", "namespace": namespace, "name": name}
    return {"kind": "User", "apiGroup": RBAC, "name": user}
