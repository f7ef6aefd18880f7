"""The registry's CA and certificate: issued, served, rotated."""

from moor.tasks.pki.issue import issue_certificates as issue_certificates
from moor.tasks.pki.settings import Pki as Pki
