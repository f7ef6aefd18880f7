"""Harbor on the registry's host: installation, configuration and health."""
