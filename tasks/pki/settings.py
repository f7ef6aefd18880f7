"""Settings of the section ``pki``: certificates that moor issues, your own, or the CA of a registry of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from nornir.core.inventory import Host
from pydantic import Field, model_validator

from moor.settings import SecretRef, Section, SitePath, optional_settings_of

Days = Annotated[int, Field(ge=1, le=36500)]
OWN_KEYS = ("certificate", "key", "ca")


class Pki(Section):
    """The registry's certificate, which moor issues, or your own: docs/certificates.md.

    Either ``passphrase``, or the three keys of a certificate of your own. Where somebody else runs the registry
    (docs/existing-registry.md), ``ca`` alone, or no section at all: its certificate is a public one then, which hosts
    trust already.

    Attributes:
        passphrase: seals the keys that moor makes, or opens your own
        days: how long the registry's certificate is valid
        ca_days: how long the CA is valid
        renew_before_days: how long before their end both are renewed, at the next apply
        certificate: your own instead: the chain, the server's certificate first
        key: its private key
        ca: the CA that clients shall trust
    """

    section: ClassVar[str] = "pki"
    of_own_registry: ClassVar[tuple[str, ...]] = (
        *("passphrase", "certificate", "key"),
        *("days", "ca_days", "renew_before_days"),
    )

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
        if 0 < len(missing) < len(OWN_KEYS) and not self.is_ca_alone:
            raise ValueError(incomplete(missing))
        if missing and not self.is_ca_alone and self.passphrase is None:
            raise ValueError(
                "passphrase is missing; write a reference, such as file:PATH, to what encrypts the CA's key"
            )
        if not self.renew_before_days < self.days <= self.ca_days:
            raise ValueError("renew_before_days must be less than days, and days not more than ca_days")
        return self

    @property
    def is_ca_alone(self) -> bool:
        """Return whether it only names a CA, as for a registry that somebody else runs."""
        return self.ca is not None and self.certificate is None and self.key is None and self.passphrase is None


def incomplete(missing: Sequence[str]) -> str:
    """Return the message about a certificate of the user's own that lacks some of its keys."""
    return f"your own certificate needs {', '.join(OWN_KEYS)}; {', '.join(missing)} is missing"


def ca_file_of(host: Host) -> Path | None:
    """Return the file of the CA of a registry that somebody else runs; None where its certificate is a public one."""
    settings = optional_settings_of(host, Pki)
    return settings.ca if settings else None
