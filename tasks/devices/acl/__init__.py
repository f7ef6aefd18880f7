"""Access lists in the syntax of network devices: read, compared, changed, undone."""
