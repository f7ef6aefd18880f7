"""Certificates: what there is, and when it ends; nothing is changed.

Groups    harbor
Run       moor cert show
Undo      nothing to undo
"""

from moor.run.runbook import Runbook, Stage, members
from moor.tasks.expiry.certificates import show_certificates

RUNBOOK = Runbook("certificates", "Every certificate, and when it ends.", (
    Stage(show_certificates, on=members("harbor")),
), proves=True)  # fmt: skip
