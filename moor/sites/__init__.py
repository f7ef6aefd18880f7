"""A site: a directory with config.yaml, an inventory, and perhaps tasks and runbooks of its own."""
