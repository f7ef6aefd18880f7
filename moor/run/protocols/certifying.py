"""What the commands that bring a certificate of a company's CA need of their runbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from nornir.core.inventory import Host

from moor.run.protocols.needed import lacking
from moor.run.runbook import Runbook


@dataclass(frozen=True)
class MadeRequest:
    """A request that waits for its certificate.

    Attributes:
        pem: the request
        names: the names and addresses that it asks for
        file: where it is kept
        key_file: where its private key is kept
        reused: it was made before
    """

    pem: str
    names: str
    file: Path
    key_file: Path
    reused: bool


class Installation(Protocol):
    """A delivered certificate that clients would accept."""

    @property
    def notes(self) -> Sequence[str]:
        """Return what was put right, and what is worth knowing, a sentence each."""

    @property
    def lacking(self) -> Literal["", "ca", "trust"]:
        """Return what must come first: its CA in the file that hosts trust, or that hosts do trust it."""

    @property
    def authority(self) -> str:
        """Return the subject and fingerprint of the CA that clients trust it by."""

    def add_ca(self) -> str:
        """Put the CA beside those that hosts trust, and return what to do next."""

    def install(self) -> str:
        """Write key, chain and CA, and return what to do next."""


@runtime_checkable
class CompanyCertificate(Protocol):
    """What ``moor cert request`` and ``moor cert install`` need of their runbook beside the stages."""

    def request(self, host: Host, kind: Literal["ec", "rsa"] | None) -> MadeRequest:
        """Return the pending request of the registry's host, and make it if there is none.

        Raises:
            InputError: it cannot be made.
        """

    def judge(self, host: Host, chain: Path, ca: Path | None) -> Installation:
        """Check what the CA sent back; write nothing.

        Raises:
            InputError: a file is none of certificates, or clients would refuse them; all reasons at once.
        """


def company_certificate_of(runbook: Runbook) -> CompanyCertificate:
    """Return the runbook's CompanyCertificate; raise InputError if a site's own runbook has none."""
    if isinstance(runbook.command, CompanyCertificate):
        return runbook.command
    raise lacking(runbook, "CompanyCertificate")
