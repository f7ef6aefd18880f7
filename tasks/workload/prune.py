"""Objects that moor applied for a workload and that its manifests no longer have: found by label, and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nornir.core.task import Task

from moor.connections.apis.kubernetes import is_missing
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import HostError
from moor.resources.base import Remote, State
from moor.tasks.cluster.api import Tree, as_dict, ask, class_of, lacks_right
from moor.tasks.cluster.objects import object_id
from moor.tasks.workload.objects import labels_of, rank

APPS, RBAC = "apps/v1", "rbac.authorization.k8s.io/v1"
# Where moor looks beside the kinds of the manifests. What holds data (claims, volumes) and what holds everything else
# (namespaces, definitions of kinds) is never deleted.
USUAL = (
    *((APPS, "Deployment"), (APPS, "StatefulSet"), (APPS, "DaemonSet"), ("batch/v1", "Job"), ("batch/v1", "CronJob")),
    *(("v1", "Pod"), ("v1", "Service"), ("v1", "ConfigMap"), ("v1", "Secret"), ("v1", "ServiceAccount")),
    *((RBAC, "Role"), (RBAC, "RoleBinding"), (RBAC, "ClusterRole"), (RBAC, "ClusterRoleBinding")),
    *(("autoscaling/v2", "HorizontalPodAutoscaler"), ("policy/v1", "PodDisruptionBudget")),
    *(("networking.k8s.io/v1", "Ingress"), ("networking.k8s.io/v1", "NetworkPolicy")),
)
KEPT = ("Namespace", "PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition")


@dataclass(frozen=True)
class Leftovers(Remote):
    """What a workload's manifests no longer have; to mend is to delete it.

    Attributes:
        listed: ids of the objects that the manifests have
        kinds: of the manifests, each with its apiVersion
    """

    namespace: str
    workload: str
    listed: frozenset[str]
    kinds: tuple[tuple[str, str], ...]

    @property
    def id(self) -> str:
        return f"prune:{self.namespace}/{self.workload}"

    def desired(self, actual: State | None) -> State:
        return dict.fromkeys(actual or {}, "deleted")

    def read(self, task: Task) -> State | None:
        found = list(self._found(task))
        for tree in found:
            self._delete(task, tree, dry_run=True)  # a right that is lacking is an error of the plan
        return {object_id(tree): "there, and no longer in the manifests" for tree in found}

    def write(self, task: Task, actual: State | None) -> None:
        for tree in sorted(self._found(task), key=rank, reverse=True):
            self._delete(task, tree)

    def _found(self, task: Task) -> Iterator[Tree]:
        for api_version, kind in kinds_to_search(self.kinds):
            for tree in self._list(task, api_version, kind):
                content = {"apiVersion": api_version, "kind": kind, **tree}
                leaving = content["metadata"].get("deletionTimestamp")
                if not leaving and object_id(content) not in self.listed and not _is_made_by_another(content):
                    yield content

    def _list(self, task: Task, api_version: str, kind: str) -> list[Tree]:
        """Return the objects of a kind that have the workload's labels; a kind that may not be listed is reported."""
        what: Any = class_of({"apiVersion": api_version, "kind": kind})
        if what is None:
            return []
        from lightkube.core.resource import NamespacedResource

        chosen: Tree = {"labels": labels_of(self.workload, self.namespace)}
        place: Tree = {"namespace": self.namespace} if issubclass(what, NamespacedResource) else {}
        try:
            return [as_dict(one) for one in ask(task, self.id, lambda c: list(c.list(what, **chosen, **place)))]
        except HostError as error:
            if lacks_right(error):
                if place or (api_version, kind) in self.kinds:  # else moor had no right to make one either
                    self._report(task, kind, str(error))
            elif not is_missing(error):  # the cluster does not have this kind
                raise
            return []

    def _report(self, task: Task, kind: str, words: str) -> None:
        what = f"whether {kind} objects of workload {self.workload} are left over is not known: {words}"
        task.results.append(FindingResult(task.host, Finding(f"{self.id}:{kind}", what, host=task.host.name)))

    def _delete(self, task: Task, tree: Tree, dry_run: bool = False) -> None:
        from lightkube.types import CascadeType

        what: Any = class_of(tree)
        metadata = tree["metadata"]
        place = {"namespace": metadata["namespace"]} if metadata.get("namespace") else {}
        how: dict[str, Any] = {"cascade": CascadeType.BACKGROUND, "dry_run": dry_run}
        try:
            ask(task, self.id, lambda cluster: cluster.delete(what, metadata["name"], **place, **how))
        except HostError as error:
            if not is_missing(error):  # somebody else was faster
                raise


def kinds_to_search(kinds: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    """Return the kinds in which a workload's objects may be left, each in one version."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for api_version, kind in (*kinds, *USUAL):
        if kind not in KEPT:
            found.setdefault((api_version.rpartition("/")[0], kind), (api_version, kind))
    return list(found.values())


def _is_made_by_another(content: Mapping[str, Any]) -> bool:
    """Return whether a controller made an object, such as the pods of a set, which have its labels."""
    return any(owner.get("controller") for owner in content["metadata"].get("ownerReferences") or [])
