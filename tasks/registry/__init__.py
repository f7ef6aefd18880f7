"""Projects of the registry and their robot accounts."""
