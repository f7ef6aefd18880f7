"""Runners for Nornir: how the hosts of a task are gone over."""
