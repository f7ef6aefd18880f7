"""The check of every image that the cluster names; nothing is changed."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from nornir.core.task import Result, Task

from moor.context import context_of
from moor.engine.asked_once import ask_once
from moor.engine.results import FindingResult, Found
from moor.errors import HostError
from moor.settings import optional_settings_of
from moor.tasks.cluster.settings import ClusterSettings

# A check of a site without a cluster imports nothing of this.
if TYPE_CHECKING:
    from moor.tasks.images_in_use.check import ImagesChecked


def examine_images(task: Task) -> Result:
    """Report every image that the cluster names, and what is wrong with it; change nothing."""
    cluster = optional_settings_of(task.host, ClusterSettings)
    if cluster is None:
        return Result(host=task.host, result="the inventory names no cluster")
    key = ("images in use", cluster.kubeconfig, cluster.context)
    found = ask_once(task, key, lambda: _check(task))
    if isinstance(found, HostError):
        raise HostError(f"the cluster's images are not known: {found}", found.kind)
    every: list[Found] = [*found.rows, *found.findings]
    for one in every:
        task.results.append(FindingResult(task.host, one))
    return Result(host=task.host, result=found.summary)


def _check(task: Task) -> ImagesChecked | HostError:
    """Return what a check found, or why there is none, for all hosts that name this cluster."""
    from moor.tasks.cluster.api import open_cluster
    from moor.tasks.images_in_use.check import check_images

    try:
        open_cluster(task)
        with ExitStack() as opened:
            return check_images(task, context_of(task).images_of, opened)
    except HostError as error:
        return error
