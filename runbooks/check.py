"""Check: whether hosts and the cluster are reached, and all that would stop the job, before anything is changed.

Groups    all
Run       moor check
Undo      nothing to undo
"""

from nornir.core.filter import F

from moor.checks import reach_host
from moor.runbook import INSIDERS, Runbook, Stage, members
from tasks.preflight import check_host
from tasks.rights import check_cluster
from tasks.surroundings import look_around

RUNBOOK = Runbook(
    "check",
    "Reach every host and the cluster, and find all that would stop the job.",
    (
        Stage(reach_host, on=F()),
        Stage(check_host, on=INSIDERS),
        Stage(look_around, on=INSIDERS),
        Stage(check_cluster, on=members("control_plane")),
    ),
    proves=True,
    independent=True,
)
