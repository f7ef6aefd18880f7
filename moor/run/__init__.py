"""One run of a command: its runbook, its hosts, its report, its end."""
