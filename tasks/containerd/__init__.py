"""containerd on the nodes, also that of k3s and RKE2: how it finds the registry, and what its process reads."""
