"""Whether clients will accept a server's certificate under a CA: OpenSSL's rules, and what Go and GnuTLS refuse beyond.

OpenSSL is asked itself, by a handshake for every name. Of several faults it tells the first alone, and nothing of what
others refuse, so that every known fault has a rule of its own, in ``certificate_rules``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from moor.lazy_imports import x509
from moor.pki.authority import CertificateNames, signed_by
from moor.pki.handshakes import refusal
from moor.pki.pem import key_fits, opened, pem
from moor.pki.rules import of_any, of_authority, of_leaf, of_names, shown, strict_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

Part = Literal["certificate", "key", "ca"]


@dataclass(frozen=True)
class CertificateFault:
    """Why clients refuse a certificate: in which file, and what to do."""

    part: Part
    words: str


@dataclass(frozen=True)
class Presented:
    """What a server will show, and whom clients will trust.

    Attributes:
        chain: the server's certificate first, then what stands between it and the CA
        roots: what clients trust; there may be more than are needed
        key: the server's private key
    """

    chain: tuple[x509.Certificate, ...]
    roots: tuple[x509.Certificate, ...]
    key: PrivateKeyTypes

    @cached_property
    def path(self) -> tuple[x509.Certificate, ...]:
        """The way from the server's certificate up to the last that can be found; clients try what they trust first."""
        found = [self.chain[0]]
        while not _own_issuer(found[-1]):
            others = (one for one in (*self.roots, *self.chain) if one not in found)
            above = next((one for one in others if signed_by(found[-1], one)), None)
            if above is None:
                break
            found.append(above)
        return tuple(found)

    def faults(self, names: CertificateNames, now: datetime) -> list[CertificateFault]:
        """List everything for which clients refuse it."""
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
        """List for what only clients refuse it that go by the letter; meant for what has no other fault.

        That is RFC 5280 for each certificate; for their order it is RFC 5246, 7.4.2, on which TLS 1.3 does not insist.
        """
        found = [*self._order(), *self._missing(), *self._ended(now)]
        return found or [*self._refused(names, strict=True)]

    def _missing(self) -> list[CertificateFault]:
        return [
            CertificateFault(self._part(one), f"{shown(one)}: {words}")
            for depth, one in enumerate(self.path)
            for words in strict_of(one, authority=depth > 0, own_issuer=_own_issuer(one))
        ]

    def _part(self, certificate: x509.Certificate) -> Part:
        return "ca" if certificate in self.roots else "certificate"

    def _order(self) -> Iterator[CertificateFault]:
        """Find what stands in the file in the wrong place, once too often, or without need."""
        for one in dict.fromkeys(one for one in self.chain if self.chain.count(one) > 1):
            yield CertificateFault("certificate", f"{shown(one)} stands in the file twice; take it out once")
        distinct = list(dict.fromkeys(self.chain))
        for one, issuer in pairwise(distinct):
            if not signed_by(one, issuer):
                misplaced = any(signed_by(one, other) for other in distinct if other != one)
                yield CertificateFault("certificate", _misplaced(issuer) if misplaced else _stranger(issuer))

    def _of_all(self) -> Iterator[CertificateFault]:
        """Find what is wrong with the three files together."""
        if not key_fits(self.chain[0], self.key):
            yield CertificateFault(
                "key", f"not the key of the first certificate, {shown(self.chain[0])}; give the one that is"
            )
        trusted = [one for one in self.path if one in self.roots]
        if not trusted:
            top = self.path[-1]
            yield CertificateFault(
                "certificate",
                f"the CA did not sign {shown(top)}; give the CA that did, or add what stands between them to the "
                "certificate's file",
            )
        elif not _own_issuer(top := trusted[-1]):
            yield CertificateFault(
                "ca",
                f"{shown(top)} is signed by {top.issuer.rfc4514_string()}, which is not in the file: Go (containerd, "
                "Docker) takes a chain that ends there, and OpenSSL refuses it (wget, Python up to 3.12, moor verify); "
                "add the CA's own certificate",
            )

    def _of_each(self, names: CertificateNames, now: datetime) -> Iterator[CertificateFault]:
        """Find what is wrong with each certificate of the path."""
        leaf, alone = self.path[0], self.path[0] in self.roots
        for depth, one in enumerate(self.path):
            words = [*of_any(one, now, anchor=one in self.roots)]
            words += (
                [*of_authority(one, depth - 1), *of_names(one, leaf)] if depth else of_leaf(one, names, alone=alone)
            )
            yield from (CertificateFault(self._part(one), f"{shown(one)}: {line}") for line in words)

    def _ended(self, now: datetime) -> Iterator[CertificateFault]:
        """Find CAs out of their time that nothing here needs: they do no harm, and no good either."""
        for root in (one for one in self.roots if one not in self.path and one.not_valid_after_utc < now):
            yield CertificateFault(
                "ca", f"{shown(root)}: it expired on {root.not_valid_after_utc:%Y-%m-%d}; take it out"
            )

    def _refused(self, names: CertificateNames, *, strict: bool = False) -> Iterator[CertificateFault]:
        chain, trust = "".join(map(pem, self.chain)), "".join(map(pem, self.roots))
        for name in (*names.dns, *map(str, names.addresses)):
            if words := refusal(chain, opened(self.key), trust, name, strict=strict):
                whom = "Python 3.13 and later" if strict else "OpenSSL"
                yield CertificateFault("certificate", f"a client that asks for {name} refuses it: {words} ({whom})")


def _own_issuer(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer


def _misplaced(issuer: x509.Certificate) -> str:
    return (
        f"{shown(issuer)} stands in the wrong place: put the server's certificate first, then the one that signed it, "
        "and so on"
    )


def _stranger(issuer: x509.Certificate) -> str:
    return (
        f"{shown(issuer)} did not sign the certificate before it in the file; take it out, or put the right one there"
    )
