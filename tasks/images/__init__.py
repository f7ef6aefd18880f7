"""Images in the registry: built, loaded or tagged, and pushed from a workstation, or brought from other registries."""
