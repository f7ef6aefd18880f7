"""What is watched of a registry beside its configuration: disk, quotas, jobs, read-only mode, restarts, robots."""
