"""Workloads that run from the registry: manifests or moor's template, pull secret, roll-out."""
