"""Backups of the Harbor that moor runs: made, listed, rehearsed, restored."""

from moor.tasks.backup.make import back_up as back_up
from moor.tasks.backup.make import back_up_harbor as back_up_harbor
from moor.tasks.backup.settings import BackupSettings as BackupSettings
