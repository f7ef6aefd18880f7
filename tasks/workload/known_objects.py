"""What the workloads of the inventory consist of, for those who look at the cluster: images, rollouts, names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nornir.core.task import Task

from moor.engine.asked_once import ask_once
from moor.errors import HostError, MoorError
from moor.settings import settings_of
from moor.tasks.cluster.admission import pod_of
from moor.tasks.facts import Registry
from moor.tasks.workload.chart_access import chart_access_of
from moor.tasks.workload.image_names import images_in, split_suffix
from moor.tasks.workload.objects import Tree, all_local, manifests
from moor.tasks.workload.progress import API_VERSIONS
from moor.tasks.workload.settings import Workload


class RolledObject(NamedTuple):
    """An object whose rollout is waited for; ``namespace`` is empty for one of the whole cluster."""

    kind: str
    namespace: str
    name: str


class UnknownObjects(HostError):
    """The objects of a workload are not known, such as those of a chart where helm is not installed."""


def objects_of_workload(task: Task, name: str, workload: Workload) -> list[Tree]:
    """Return the objects of a workload; none if they are not known."""
    found = _asked(task, name, workload)
    return found if isinstance(found, list) else []


def _asked(task: Task, name: str, workload: Workload) -> list[Tree] | UnknownObjects:
    """Return the objects of a workload, or why they are not known, asked once a run."""

    def ask() -> list[Tree] | UnknownObjects:
        try:
            return manifests(task.host, name, workload, None if all_local(workload) else chart_access_of(task))
        except MoorError as error:
            return UnknownObjects(str(error), error.kind)

    return ask_once(task, ("objects of workload", name, workload.model_dump_json()), ask)


def images_of(task: Task, name: str, workload: Workload) -> list[str]:
    """Return the PROJECT/REPOSITORY:TAG of a workload's images in the registry."""
    if workload.image:
        return [workload.image]
    return images_of_objects(objects_of_workload(task, name, workload), settings_of(task.host, Registry).host_port)


def images_of_objects(objects: Iterable[Tree], host_port: str) -> list[str]:
    """Return the PROJECT/REPOSITORY:TAG, or with a digest, of the images that objects name in our registry."""
    paths = [
        path
        for content in objects
        for image in images_in(content)
        for at, slash, path in [image.partition("/")]
        if slash and at == host_port
    ]
    return list(dict.fromkeys(path if split_suffix(path)[1] else f"{path}:latest" for path in paths))


def rollouts_of(task: Task, name: str, workload: Workload) -> list[RolledObject]:
    """Return the objects of a workload that are waited for.

    Raises:
        UnknownObjects: they are not known
    """
    found = _asked(task, name, workload)
    if isinstance(found, UnknownObjects):
        raise found.with_traceback(None)
    return [_named(one) for one in found if one["kind"] in API_VERSIONS]


def pod_makers_of(task: Task, name: str, workload: Workload) -> list[RolledObject]:
    """Return the objects of a workload that make pods."""
    return [_named(one) for one in objects_of_workload(task, name, workload) if pod_of(one)]


def _named(content: Tree) -> RolledObject:
    metadata = content["metadata"]
    return RolledObject(str(content["kind"]), str(metadata.get("namespace", "")), str(metadata["name"]))
