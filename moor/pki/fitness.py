"""Checks whether clients will accept a server's certificate: the rules of OpenSSL, Go and GnuTLS.

Every known fault has a rule in ``moor.pki.rules``. If none applies, OpenSSL itself decides, in a handshake for every
name; it reports only the first of several faults, and none that only other clients refuse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from moor.lazy_imports import x509
from moor.pki.authority import CertificateNames, is_signed_by
from moor.pki.handshakes import handshake_error
from moor.pki.pem import is_key_of, pem, plain_key
from moor.pki.rules import (
    faults_of_any,
    faults_of_authority,
    faults_of_name_constraints,
    faults_of_server_certificate,
    strict_faults,
    subject_of,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

Part = Literal["certificate", "key", "ca"]


@dataclass(frozen=True)
class CertificateFault:
    """A reason why clients refuse a certificate: the file at fault, and the message with its remedy."""

    part: Part
    words: str


@dataclass(frozen=True)
class ServerCertificate:
    """A server's certificate with its chain and key, and the CAs that clients will trust.

    Attributes:
        chain: the server's certificate first, then the intermediate CAs
        roots: the CAs that clients trust; some may be unneeded
        key: the server's private key
    """

    chain: tuple[x509.Certificate, ...]
    roots: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes

    @cached_property
    def path(self) -> tuple[x509.Certificate, ...]:
        """The certificates from the server's to the topmost that can be found; trusted ones are tried first."""
        found = [self.chain[0]]
        while not _own_issuer(found[-1]):
            others = (one for one in (*self.roots, *self.chain) if one not in found)
            above = next((one for one in others if is_signed_by(found[-1], one)), None)
            if above is None:
                break
            found.append(above)
        return tuple(found)

    def faults(self, names: CertificateNames, now: datetime) -> list[CertificateFault]:
        """List every reason why clients refuse the certificate."""
        try:
            known = [*self._of_all(), *self._of_each(names, now)]
        except ValueError as error:
            return [
                CertificateFault(
                    "certificate", f"an extension of a certificate cannot be read: {error}; have it issued anew"
                )
            ]
        return known or [*self._refused(names)]

    def strictness(self, names: CertificateNames, now: datetime) -> list[CertificateFault]:
        """List the reasons why strict clients alone refuse a certificate that has no other fault.

        They insist on RFC 5280 for each certificate, and on the order of RFC 5246, 7.4.2, which TLS 1.3 relaxes.
        """
        found = [*self._order(), *self._missing(), *self._ended(now)]
        return found or [*self._refused(names, strict=True)]

    def _missing(self) -> list[CertificateFault]:
        return [
            CertificateFault(self._part(one), f"{subject_of(one)}: {words}")
            for depth, one in enumerate(self.path)
            for words in strict_faults(one, authority=depth > 0, own_issuer=_own_issuer(one))
        ]

    def _part(self, certificate: x509.Certificate) -> Part:
        return "ca" if certificate in self.roots else "certificate"

    def _order(self) -> Iterator[CertificateFault]:
        """Find certificates of the chain that are misplaced, duplicate or unrelated."""
        for one in dict.fromkeys(one for one in self.chain if self.chain.count(one) > 1):
            yield CertificateFault("certificate", f"{subject_of(one)} stands in the file twice; take it out once")
        distinct = list(dict.fromkeys(self.chain))
        for one, issuer in pairwise(distinct):
            if not is_signed_by(one, issuer):
                misplaced = any(is_signed_by(one, other) for other in distinct if other != one)
                yield CertificateFault("certificate", _misplaced(issuer) if misplaced else _stranger(issuer))

    def _of_all(self) -> Iterator[CertificateFault]:
        """Find faults between the files: a key or a CA that does not fit the certificate."""
        if not is_key_of(self.chain[0], self.key):
            yield CertificateFault(
                "key", f"not the key of the first certificate, {subject_of(self.chain[0])}; give the one that is"
            )
        trusted = [one for one in self.path if one in self.roots]
        if not trusted:
            top = self.path[-1]
            yield CertificateFault(
                "certificate",
                f"the CA did not sign {subject_of(top)}, whose issuer is {top.issuer.rfc4514_string()}; give the CA "
                "that did, or add what stands between them to the certificate's file",
            )
        elif not _own_issuer(top := trusted[-1]):
            yield CertificateFault(
                "ca",
                f"{subject_of(top)} is signed by {top.issuer.rfc4514_string()}, which is not in the file: Go "
                "(containerd, Docker) takes a chain that ends there, and OpenSSL refuses it (wget, Python up to 3.12, "
                "moor verify); add the CA's own certificate",
            )

    def _of_each(self, names: CertificateNames, now: datetime) -> Iterator[CertificateFault]:
        """Find the faults of each certificate of the path."""
        leaf, alone = self.path[0], self.path[0] in self.roots
        for depth, one in enumerate(self.path):
            words = [*faults_of_any(one, now, anchor=one in self.roots)]
            words += (
                [*faults_of_authority(one, depth - 1), *faults_of_name_constraints(one, leaf)]
                if depth
                else faults_of_server_certificate(one, names, alone=alone)
            )
            yield from (CertificateFault(self._part(one), f"{subject_of(one)}: {line}") for line in words)

    def _ended(self, now: datetime) -> Iterator[CertificateFault]:
        """Find expired CAs that the path does not need: harmless, and useless."""
        for root in (one for one in self.roots if one not in self.path and one.not_valid_after_utc < now):
            yield CertificateFault(
                "ca", f"{subject_of(root)}: it expired on {root.not_valid_after_utc:%Y-%m-%d}; take it out"
            )

    def _refused(self, names: CertificateNames, *, strict: bool = False) -> Iterator[CertificateFault]:
        chain, trust = "".join(map(pem, self.chain)), "".join(map(pem, self.roots))
        for name in (*names.dns, *map(str, names.addresses)):
            if words := handshake_error(chain, plain_key(self.key), trust, name, strict=strict):
                whom = "Python 3.13 and later" if strict else "OpenSSL"
                yield CertificateFault("certificate", f"a client that asks for {name} refuses it: {words} ({whom})")


def _own_issuer(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer


def _misplaced(issuer: x509.Certificate) -> str:
    return (
        f"{subject_of(issuer)} stands in the wrong place: put the server's certificate first, then the one that "
        "signed it, and so on"
    )


def _stranger(issuer: x509.Certificate) -> str:
    return (
        f"{subject_of(issuer)} did not sign the certificate before it in the file; take it out, or put the right one "
        "there"
    )
