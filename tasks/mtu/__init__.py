"""The largest packet that a host sends to the registry, where the way there carries no larger ones."""
