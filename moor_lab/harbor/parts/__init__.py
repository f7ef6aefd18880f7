"""Stand-ins of Harbor's smaller parts: they answer their health check, and registryctl collects garbage."""
