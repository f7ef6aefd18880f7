"""Certificates: list all certificates and when they expire; change nothing.

Groups    harbor
Run       moor cert show
Undo      nothing to undo
"""

from moor.run.runbook import Runbook, Stage, members
from moor.tasks.expiry.certificates import show_certificates

RUNBOOK = Runbook("certificates", "Every certificate, and when it expires.", (
    Stage(show_certificates, on=members("harbor")),
), proves=True)  # fmt: skip
