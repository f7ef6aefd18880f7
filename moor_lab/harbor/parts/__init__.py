"""Stand-ins of Harbor's smaller parts, which only answer their health check."""
