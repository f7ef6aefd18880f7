"""containerd on the nodes, also that of k3s and RKE2: how it finds the registry, and what its process reads."""

from moor.tasks.containerd.configure import ContainerdSettings as ContainerdSettings
from moor.tasks.containerd.configure import configure_containerd as configure_containerd
