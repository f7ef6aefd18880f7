"""Workloads that run from the registry: pull secret, Deployment, roll-out."""
