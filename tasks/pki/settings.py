"""Settings of the section ``pki``: certificates that moor issues, or your own."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from moor.settings import SecretRef, Section, SitePath

Days = Annotated[int, Field(ge=1, le=36500)]
OWN_KEYS = ("certificate", "key", "ca")


class Pki(Section):
    """Certificates that moor issues, their keys encrypted with ``passphrase``, or your own.

    Attributes:
        days, ca_days: validity of a certificate that moor issues
        renew_before_days: how long before its end moor issues another
        certificate: your own instead: the chain, the server's certificate first
        key: its private key; may be encrypted with ``passphrase``
        ca: the CA that clients must trust
    """

    section: ClassVar[str] = "pki"

    passphrase: SecretRef | None = None
    days: Days = 397
    ca_days: Days = 3650
    renew_before_days: Days = 30
    certificate: SitePath | None = None
    key: SecretRef | None = None
    ca: SitePath | None = None

    @model_validator(mode="after")
    def _whole(self) -> Pki:
        missing = [name for name in OWN_KEYS if getattr(self, name) is None]
        if 0 < len(missing) < len(OWN_KEYS):
            raise ValueError(f"your own certificate needs {', '.join(OWN_KEYS)}; {', '.join(missing)} is missing")
        if missing and self.passphrase is None:
            raise ValueError(
                "passphrase is missing; write file:PATH or env:NAME of the passphrase that encrypts the CA's key"
            )
        if not self.renew_before_days < self.days <= self.ca_days:
            raise ValueError("renew_before_days must be less than days, and days not more than ca_days")
        return self
