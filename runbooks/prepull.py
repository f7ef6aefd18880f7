"""Pre-pull: have chosen nodes pull the images of a coming roll-out, before it; nothing is rolled out.

Changes   the images that nodes have
Groups    control_plane, clusters
Run       moor plan prepull; moor apply prepull
Undo      nothing to undo; kubelet removes images that nobody uses when a disk runs full
"""

from moor.run.runbook import SERVING_REGISTRY, Runbook, Stage, members
from moor.tasks.workload.prepull_early import prepull_images

RUNBOOK = Runbook(
    "prepull",
    "Have chosen nodes pull the images of a coming roll-out, before it.",
    (Stage(prepull_images, on=members("control_plane", "clusters"), needs=SERVING_REGISTRY, by_api=True),),
    proves=True,  # an apply of the workloads pulls too, so that drift checks and their mending leave it out
)
