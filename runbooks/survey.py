"""Survey: read what hosts and the registry say of each other; change nothing.

Groups    every host with a shell
Run       moor import
Undo      nothing to undo
"""

from moor.run.runbook import INSIDERS, Runbook, Stage
from moor.tasks.survey.read import FleetSurvey, read_host

RUNBOOK = Runbook("survey", "What a running fleet is, as inventory.", (
    Stage(read_host, on=INSIDERS),
), proves=True, command=FleetSurvey())  # fmt: skip
