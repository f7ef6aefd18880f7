"""podman and CRI-O: where they find the registry, and whether they check its certificate."""

from moor.tasks.podman.configure import PodmanSettings as PodmanSettings
from moor.tasks.podman.configure import configure_podman as configure_podman
