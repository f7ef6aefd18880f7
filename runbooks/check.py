"""Check: reach every host and the cluster, and find everything that would stop an apply; change nothing.

Groups    all
Run       moor check
Undo      nothing to undo
"""

from nornir.core.filter import F

from moor.run.reach_host import reach_host
from moor.run.runbook import INSIDERS, REGISTRY, Runbook, Stage, members
from moor.tasks.diagnosis.environment import check_environment
from moor.tasks.preflight.cluster_rights import check_cluster
from moor.tasks.preflight.existing_registry import check_registry
from moor.tasks.preflight.hosts import check_host

RUNBOOK = Runbook(
    "check",
    "Reach every host and the cluster, and find everything that would stop an apply.",
    (
        Stage(reach_host, on=F()),
        Stage(check_host, on=INSIDERS),
        Stage(check_registry, on=REGISTRY, by_api=True),
        Stage(check_environment, on=INSIDERS),
        Stage(check_cluster, on=members("control_plane", "clusters"), by_api=True),
    ),
    proves=True,
    independent=True,
)
