"""Diagnose: find out from every node why pods do not start; change nothing.

Groups    nodes, clusters; hosts with data.podman
Run       moor diagnose [-n NAMESPACE] [DEPLOYMENT]
Undo      nothing to undo; images that --pull pulled are removed again
"""

from moor.run.runbook import Runbook, Stage, members
from moor.tasks.diagnosis.diagnose_command import NodeDiagnosis
from moor.tasks.diagnosis.managed_cluster import diagnose_cluster
from moor.tasks.diagnosis.node import diagnose_node
from moor.tasks.diagnosis.podman_user_files import HasPodman, diagnose_podman

RUNBOOK = Runbook("diagnose", "Why pods do not start: each layer of a pull, from every node.", (
    Stage(diagnose_podman, on=HasPodman()),
    Stage(diagnose_node, on=members("nodes")),
    Stage(diagnose_cluster, on=members("clusters"), by_api=True),
), proves=True, command=NodeDiagnosis())  # fmt: skip
