"""containerd on the nodes, and that of k3s and RKE2: where it looks for the registry, and what its process reads."""
