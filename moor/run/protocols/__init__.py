"""The protocols of what commands need of a runbook beside its stages, as ``RUNBOOK.command``."""
