"""Certificates on the controller: the fleet's CA, and the server certificate that it signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from nornir.core.task import Task

from moor.errors import HostError
from moor.pki.authority import (
    CertificateNames,
    CertificateWithKey,
    fingerprint,
    is_signed_by,
    issue,
    make_authority,
    reason_to_issue,
    reason_to_issue_authority,
    utc_now,
)
from moor.pki.keystore import CaFiles, StoredPair
from moor.resources.base import Remote, State
from moor.settings import SecretRef

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Validity:
    """How long a new certificate is valid, and how long before its end it is renewed, in days."""

    days: int
    renew_before_days: int


@dataclass(frozen=True)
class CertificateAuthority(Remote):
    """A CA that may sign for ``names`` alone, with its key encrypted below ``folder``.

    A CA that ends soon is not replaced here, since every host must trust the next one first: that is a rotation.

    Attributes:
        unwanted: fingerprints of certificates, of this CA and by it, that the user asked to replace.
        further: addresses that the next CA may sign for too; the present one is not replaced for them.
    """

    folder: Path
    names: CertificateNames
    passphrase: SecretRef
    validity: Validity
    unwanted: frozenset[str] = frozenset()
    further: tuple[IPv4Address | IPv6Address, ...] = ()

    @property
    def id(self) -> str:
        return f"certificate-authority:{self.names.dns[0]}"

    @property
    def next_names(self) -> CertificateNames:
        """Return the names that the next CA may sign for."""
        return CertificateNames(self.names.dns, (*self.names.addresses, *self.further))

    @property
    def succession(self) -> CaFiles:
        return CaFiles(self.folder)

    @property
    def kept(self) -> StoredPair:
        return self.succession.present

    def desired(self, actual: State | None) -> State:
        return {"vouches for": str(self.names)}

    def reason(self) -> str | None:
        """Return why the CA must be replaced at once, or None."""
        return reason_to_issue_authority(self.kept.certificate(), self.names, utc_now(), 0)

    def due(self) -> bool:
        """Return whether the user asked to replace the present CA, and there is no next one yet."""
        present = self.kept.certificate()
        return bool(present and fingerprint(present) in self.unwanted and not self.succession.next.certificate())

    def read(self, task: Task) -> State | None:
        pair = self.kept.pair(self.passphrase.resolve())
        if pair is None:
            return None
        wrong = self.reason() or self.kept.flaw(pair)
        return {"vouches for": f"(no: {wrong})" if wrong else str(self.names)}

    def write(self, task: Task, actual: State | None) -> None:
        passphrase = self.passphrase.resolve()
        with self.kept.lock():
            pair = self.kept.pair(passphrase)
            if pair is None or self.reason():
                pair = make_authority(self.next_names, self.validity.days, utc_now())
            self.kept.save(pair, passphrase)


@dataclass(frozen=True)
class Certificate(Remote):
    """A server certificate for ``authority.names``, signed by ``authority``, with its key encrypted beside the CA's."""

    authority: CertificateAuthority
    validity: Validity

    @property
    def id(self) -> str:
        return f"certificate:{self.authority.names.dns[0]}"

    @property
    def kept(self) -> StoredPair:
        return StoredPair(self.authority.folder, "registry")

    def desired(self, actual: State | None) -> State:
        return {"serves": str(self.authority.names)}

    def reason(self) -> str | None:
        """Return why the certificate must be renewed, or None."""
        if self.authority.reason():
            return "its CA is made anew"
        ca, own = self.authority.kept.certificate(), self.kept.certificate()
        if ca and own and not is_signed_by(own, ca):
            return "another CA signed it"
        if own and fingerprint(own) in self.authority.unwanted:
            return "a new one is wanted"
        # a certificate that ends with its CA would not last longer if it were renewed
        last = ca and own and ca.not_valid_after_utc - own.not_valid_after_utc < ONE_DAY
        return reason_to_issue(own, self.authority.names, utc_now(), 0 if last else self.validity.renew_before_days)

    def read(self, task: Task) -> State | None:
        pair = self.kept.pair(self.authority.passphrase.resolve())
        if pair is None:
            return None
        wrong = self.reason() or self.kept.flaw(pair)
        return {"serves": f"(no: {wrong})" if wrong else str(self.authority.names)}

    def write(self, task: Task, actual: State | None) -> None:
        passphrase = self.authority.passphrase.resolve()
        with self.kept.lock():
            pair = self.kept.pair(passphrase)
            if pair is None or self.reason():
                pair = self._issued(self.authority.kept.pair(passphrase))
            self.kept.save(pair, passphrase)

    def _issued(self, authority: CertificateWithKey | None) -> CertificateWithKey:
        if authority is None:
            raise HostError(f"there is no CA in {self.authority.folder}; run again")
        return issue(authority, self.authority.names, self.validity.days, utc_now())
