"""The CA of a registry that somebody else runs: a file of the site, checked before any host trusts it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from nornir.core.inventory import Host

from moor.errors import UnfitInput
from moor.lazy_imports import x509
from moor.pki.authority import utc_now
from moor.pki.pem import pem, read_chain
from moor.pki.rules import extension_of, faults_of_any, subject_of
from moor.tasks.pki.own_certificate import read_bytes
from moor.tasks.pki.settings import ca_file_of

RENEWED = "ask the team that runs the registry for its present CA"


def given_ca(host: Host) -> tuple[x509.Certificate, ...]:
    """Return the CA certificates in the file of ``data.pki.ca``; empty where the registry's certificate is public.

    Raises:
        InputError: the file cannot be read, or has no certificate
    """
    path = ca_file_of(host)
    return tuple(read_chain(read_bytes(path), str(path))) if path else ()


def given_ca_pem(host: Host) -> str:
    """Return the CA certificates as PEM, each once; empty where the registry's certificate is public."""
    return "".join(dict.fromkeys(map(pem, given_ca(host))))


def refuse_unfit_ca(host: Host) -> None:
    """Check that clients accept certificates of the CA.

    An expired one is refused only where the file has no other: two stand in it while one replaces the other.

    Raises:
        UnfitInput: the file has a certificate that clients accept no others from
    """
    if path := ca_file_of(host):
        read_bytes(path)  # a missing file is no lasting answer, so it is not cached
        if lines := _faults(path, path.stat().st_mtime):
            raise UnfitInput("\n".join(lines))


@lru_cache(maxsize=8)
def _faults(path: Path, _: float) -> tuple[str, ...]:
    found = read_chain(read_bytes(path), str(path))
    now = utc_now()
    valid = [one for one in found if one.not_valid_before_utc <= now <= one.not_valid_after_utc]
    if not valid:
        last = max(found, key=lambda one: one.not_valid_after_utc)
        dates = f"from {last.not_valid_before_utc:%Y-%m-%d} to {last.not_valid_after_utc:%Y-%m-%d}"
        return (
            f"data.pki.ca: {path}: {subject_of(last)} is valid {dates}, so clients accept nothing from it; {RENEWED}",
        )
    faults = [(one, words) for one in valid for words in _unfit(one)]
    return tuple(f"data.pki.ca: {path}: {subject_of(one)}: {words}" for one, words in faults)


def _unfit(certificate: x509.Certificate) -> list[str]:
    return list(faults_of_any(certificate, utc_now(), anchor=True)) or _not_a_ca(certificate)


def _not_a_ca(certificate: x509.Certificate) -> list[str]:
    if certificate.issuer == certificate.subject:
        return []  # clients accept a server's certificate that signed itself, and roots of version 1
    basic = extension_of(certificate, 19)
    if basic and isinstance(basic.value, x509.BasicConstraints) and basic.value.ca:
        return []
    return [f"a server's certificate, and no CA's; {RENEWED}"]
