"""The certificate of the lab's API server, and the authority that signs it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from moor.pki.authority import CertificateNames, issue, make_authority, utc_now
from moor.pki.pem import plain_key

DAYS = 365


@dataclass(frozen=True)
class Certificates:
    """PEM texts: the authority's certificate, the server's certificate and its private key."""

    authority: str
    certificate: str
    key: str


def make_certificates(names: Iterable[str], addresses: Iterable[str]) -> Certificates:
    """Return a server certificate for these names and addresses; the authority's own key is dropped."""
    wanted, now = CertificateNames(tuple(names), tuple(map(ip_address, addresses))), utc_now()
    authority = make_authority(wanted, DAYS, now)
    server = issue(authority, wanted, DAYS, now)
    return Certificates(authority.pem, server.pem, plain_key(server.key).reveal())
