"""Path: what routes, access lists and firewalls on the way to the registry let pass; change nothing.

Groups    every host with a shell; the registry and devices are read too
Run       moor path HOST
Undo      nothing to undo
"""

from moor.run.runbook import INSIDERS, Runbook, Stage
from moor.tasks.path.examine import PathFinding
from moor.tasks.path.read import read_host

RUNBOOK = Runbook("path", "The way to the registry, hop by hop.", (
    Stage(read_host, on=INSIDERS),
), proves=True, command=PathFinding())  # fmt: skip
