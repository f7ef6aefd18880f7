"""Certificates: list all certificates and when they expire; change nothing.

Groups    harbor, or one host that stands for a registry that somebody else runs
Run       moor cert show
Undo      nothing to undo
"""

from moor.run.runbook import REGISTRY, Runbook, Stage
from moor.tasks.expiry.certificates import show_certificates

RUNBOOK = Runbook("certificates", "Every certificate, and when it expires.", (
    Stage(show_certificates, on=REGISTRY),
), proves=True)  # fmt: skip
