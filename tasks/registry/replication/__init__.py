"""Replication between registries: endpoints and rules as data, and the pair of a registry and its standby."""
