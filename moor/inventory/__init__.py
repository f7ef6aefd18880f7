"""Where hosts come from: files, the cluster's nodes, NetBox."""
