"""A site: config.yaml, and the tasks and runbooks that it brings."""
