"""What is watched of a registry beside its configuration: disk, quotas, jobs, read-only mode, restarts, robots."""

from moor.tasks.watched.registry import watch_registry as watch_registry
from moor.tasks.watched.settings import Watch as Watch
