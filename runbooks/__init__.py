"""In which order, on which groups, how many at once: one short module a runbook."""
