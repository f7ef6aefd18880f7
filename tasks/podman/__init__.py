"""podman and CRI-O: where they find the registry, and whether they check its certificate."""
