"""Access lists on network devices between the nodes and the registry."""
