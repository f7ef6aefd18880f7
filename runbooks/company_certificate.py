"""Company certificate: whether every host trusts the CA of the certificate that is to be installed; change nothing.

Changes   nothing; applied by its name, trust on every host
Groups    all hosts
Run       moor cert install CHAIN
Undo      nothing to undo
"""

from moor.run.runbook import Runbook
from moor.runbooks.rotation import TRUST
from moor.tasks.pki.installation import CompanyCertificates

RUNBOOK = Runbook(
    "company_certificate",
    "Whether every host trusts the CA of a certificate before it is installed.",
    TRUST,
    proves=True,  # a drift check has these stages in other runbooks
    command=CompanyCertificates(),
)
