"""Access to the Kubernetes cluster: its API, its objects and its nodes."""
