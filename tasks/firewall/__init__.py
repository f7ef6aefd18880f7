"""Host firewalls, each in the dialect that the host runs."""
