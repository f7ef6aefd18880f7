"""Backup: database, images, keys and configuration of the Harbor that moor runs, encrypted on the controller.

Changes   nothing on hosts
Groups    harbor
Run       moor backup; moor backup list
Undo      nothing to undo
"""

from moor.run.runbook import OWN_REGISTRY, Runbook, Stage
from moor.tasks.backup.commands import NewBackup
from moor.tasks.backup.make import back_up_harbor

RUNBOOK = Runbook("backup", "Keep what the registry holds, encrypted, on the controller.", (
    Stage(back_up_harbor, on=OWN_REGISTRY),
), proves=True, command=NewBackup())  # fmt: skip
