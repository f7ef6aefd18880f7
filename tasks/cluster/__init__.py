"""What every concern of the cluster shares: its API, its objects, its nodes."""
