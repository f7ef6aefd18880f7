"""Check of a backup: restore it into a throw-away database, count what it holds, and verify every blob.

Changes   nothing; a container on the registry's host, gone at the end
Groups    harbor
Run       moor backup check
Undo      nothing to undo
"""

from moor.run.runbook import OWN_REGISTRY, Runbook, Stage
from moor.tasks.backup.commands import ChosenBackup
from moor.tasks.backup.rehearse import rehearse_restore

RUNBOOK = Runbook("backup_check", "Restore a backup into a throw-away place, and count.", (
    Stage(rehearse_restore, on=OWN_REGISTRY),
), proves=True, command=ChosenBackup())  # fmt: skip
