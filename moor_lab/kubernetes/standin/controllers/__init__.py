"""The controllers: pure functions from a snapshot of the cluster to the next actions."""
