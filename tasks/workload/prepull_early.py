"""The pulls before a roll-out that is still to come; nothing is rolled out."""

from __future__ import annotations

from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.errors import MoorError, merge_errors
from moor.settings import settings_of
from moor.tasks.cluster.admission import pod_spec_of
from moor.tasks.cluster.api import open_cluster
from moor.tasks.workload.deploy import read_objects
from moor.tasks.workload.prepull.resource import PrePull
from moor.tasks.workload.settings import Workloads


def prepull_images(task: Task) -> Result:
    """Have the chosen nodes pull the images of every workload that has ``prepull`` and does not run them yet."""
    workloads = {name: one for name, one in settings_of(task.host, Workloads).by_name.items() if one.prepull}
    if not workloads:
        return Result(host=task.host, result="no workload has prepull")
    open_cluster(task)
    errors = list[MoorError]()
    objects, _ = read_objects(task, errors)
    wanted = [
        PrePull(name, one.namespace, one.prepull, tuple(filter(pod_spec_of, objects[name])))
        for name, one in workloads.items()
        if one.prepull and name in objects
    ]
    if errors:
        raise merge_errors(errors)
    return converge(task, wanted)
