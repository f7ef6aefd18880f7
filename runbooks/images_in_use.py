"""Images in use: whether each image that the cluster names is still there and can be pulled; change nothing.

Groups    control_plane, clusters
Run       moor images; moor drift
Undo      nothing to undo
"""

from moor.run.runbook import Runbook, Stage, members
from moor.tasks.images_in_use.examine import examine_images

RUNBOOK = Runbook("images_in_use", "Every image that the cluster names.", (
    Stage(examine_images, on=members("control_plane", "clusters"), by_api=True),
), proves=True)  # fmt: skip
