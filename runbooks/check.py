"""Check: whether hosts are reached, and all that would stop the job on them, before anything is changed.

Groups    all
Run       moor check
Undo      nothing to undo
"""

from nornir.core.filter import F

from moor.checks import reach_host
from moor.runbook import INSIDERS, Runbook, Stage
from tasks.preflight import check_host
from tasks.surroundings import look_around

RUNBOOK = Runbook(
    "check",
    "Reach every host, and find all that would stop the job.",
    (Stage(reach_host, on=F()), Stage(check_host, on=INSIDERS), Stage(look_around, on=INSIDERS)),
    proves=True,
    independent=True,
)
