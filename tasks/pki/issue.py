"""The fleet's own CA and the registry's certificate; or a certificate that somebody else signed.

Both are files of the site on the controller. The CA's key never leaves it; the registry's goes to the registry alone.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, ClassVar

from nornir.core.inventory import Host
from nornir.core.task import Result, Task
from pydantic import Field, model_validator

from moor.context import context_of, site_of
from moor.engine.converge import converge
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import HostError, InputError, Unfit
from moor.lazy_imports import x509
from moor.pki.authority import CertificateNames, permitted, utc_now
from moor.pki.fitness import CertificateFault, Presented
from moor.pki.keystore import Succession
from moor.pki.pem import opened, pem, read_chain, read_key
from moor.resources.base import Later, Remote, Resource, State
from moor.resources.certificate import Certificate, CertificateAuthority, Validity
from moor.secrets.secret import Secret
from moor.settings import SecretRef, Section, SitePath, about, settings_of
from moor.tasks.facts import Registry

Days = Annotated[int, Field(ge=1, le=36500)]
OWN = ("certificate", "key", "ca")
REISSUE = "have it issued anew by your CA; docs/certificates.md, A certificate of your own"


class Pki(Section):
    """Certificates: made here and kept sealed by ``passphrase``, or your own.

    Attributes:
        days, ca_days: how long a certificate made here is valid
        renew_before_days: how long before its end it is made anew
        certificate: your own instead: the chain, the server's certificate first
        key: its private key; may be sealed by ``passphrase``
        ca: the CA that clients shall trust
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
        lacking = [name for name in OWN if getattr(self, name) is None]
        if 0 < len(lacking) < len(OWN):
            raise ValueError(f"your own certificate needs {', '.join(OWN)}; {', '.join(lacking)} is missing")
        if lacking and self.passphrase is None:
            raise ValueError("passphrase is missing; write file:PATH or env:NAME of what seals the CA's key")
        if not self.renew_before_days < self.days <= self.ca_days:
            raise ValueError("renew_before_days must be less than days, and days not more than ca_days")
        return self


@dataclass(frozen=True)
class OwnCertificate(Remote):
    """Hold a certificate of somebody else's making, which was judged before and which moor cannot mend."""

    settings: Pki
    names: CertificateNames

    @property
    def id(self) -> str:
        return f"certificate:{self.names.dns[0]}"

    def desired(self, actual: State | None) -> State:
        return {"serves": str(self.names)}

    def read(self, task: Task) -> State | None:
        return self.desired(None)

    def write(self, task: Task, actual: State | None) -> None:
        raise HostError(f"{self.settings.certificate}: only its owner can mend it")


def read_own(settings: Pki) -> Presented:
    """Read the three files of one's own certificate; raises InputError."""
    if not (settings.certificate and settings.key and settings.ca):
        raise InputError("data.pki names no certificate of your own")
    with about("data.pki.passphrase"):
        passphrase = settings.passphrase.resolve() if settings.passphrase else None
    with about("data.pki.key"):
        content = settings.key.resolve().reveal().encode()
    chain = read_chain(_bytes(settings.certificate), str(settings.certificate))
    roots = read_chain(_bytes(settings.ca), str(settings.ca))
    return Presented(tuple(chain), tuple(roots), read_key(content, passphrase, settings.key.reference))


def fit(settings: Pki, registry: Registry) -> Presented:
    """Read one's own certificate; raises Unfit with everything for which a client would refuse it."""
    own = read_own(settings)
    if lines := said(settings, own.faults(own_names(registry), utc_now())):
        raise Unfit("\n".join(lines))
    return own


def judge(host: Host) -> None:
    """Raise Unfit if clients would refuse the certificate that was brought, so that no host is told to trust its CA.

    The modules that write the CA on hosts take this as their own ``judge``; a fleet of one certificate is judged once.
    """
    settings = settings_of(host, Pki)
    if settings.certificate:
        registry = settings_of(host, Registry)
        if lines := _judged(settings, registry, _written(settings.certificate), _written(settings.ca)):
            raise Unfit("\n".join(lines))


@lru_cache(maxsize=8)
def _judged(settings: Pki, registry: Registry, *_: float) -> tuple[str, ...]:
    return tuple(said(settings, read_own(settings).faults(own_names(registry), utc_now())))


def _written(path: Path | None) -> float:
    """Return when a file was last written, so that another certificate is judged anew; 0 where there is none."""
    return path.stat().st_mtime if path and path.exists() else 0.0


def said(settings: Pki, faults: Iterable[CertificateFault]) -> list[str]:
    """Say each fault with the file that it is in."""
    key = settings.key.reference if settings.key else ""
    files = {"certificate": str(settings.certificate), "key": key, "ca": str(settings.ca)}
    return [f"{files[fault.part]}: {fault.words}" for fault in faults]


def own_names(registry: Registry) -> CertificateNames:
    """Return the names that a certificate of somebody else's must be for: those by which images are named."""
    return CertificateNames((registry.name, *registry.aliases))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; data.pki names it") from error


def names_for(registry: Registry, present: x509.Certificate | None) -> CertificateNames:
    """Return every name and address by which clients may reach the registry.

    An IPv6 address that was written down beside the other later is no reason for another CA at once, since clients go
    by the name: where the present CA may not vouch for it, it waits for the next one.
    """
    late = present is not None and registry.address6 not in permitted(present).addresses
    return CertificateNames(registry.names, (registry.address,) if late else registry.addresses)


def desired(host: Host) -> Sequence[Resource]:
    """Return the CA and the registry's certificate, on the controller."""
    settings, registry = settings_of(host, Pki), settings_of(host, Registry)
    if settings.certificate:
        fit(settings, registry)
        return [OwnCertificate(settings, own_names(registry))]
    certificate = made_here(host)
    with about("data.pki.passphrase"):
        certificate.authority.passphrase.resolve()  # what is wrong with it is told before anything is changed
    return [certificate.authority, certificate]


def made_here(host: Host) -> Certificate:
    """Return the resources of a fleet whose certificates are made here."""
    settings = settings_of(host, Pki)
    if settings.passphrase is None:
        raise InputError(f"{host.name}: data.pki.passphrase is missing")
    folder, registry = site_of(host).state / "pki", settings_of(host, Registry)
    names = names_for(registry, Succession(folder).present.certificate() if registry.address6 else None)
    authority = CertificateAuthority(
        folder,
        names,
        settings.passphrase,
        Validity(settings.ca_days, settings.renew_before_days),
        context_of(host).replaced,
        tuple(address for address in registry.addresses if address not in names.addresses),
    )
    return Certificate(authority, Validity(settings.days, settings.renew_before_days))


def ca_pem(host: Host) -> str | Later:
    """Return what clients of the registry must trust, PEM; later where this run is yet to make it.

    The present CA stands first; while another takes its place, clients trust both.
    """
    settings = settings_of(host, Pki)
    if settings.ca:
        return "".join(map(pem, read_chain(_bytes(settings.ca), str(settings.ca))))
    authority = made_here(host).authority
    if authority.due():
        return Later("the present CA's certificate and the next one's")
    trusted = [] if authority.reason() else authority.succession.trusted()
    return "".join(map(pem, trusted)) or Later("the CA's certificate")


def trust_of(host: Host) -> ssl.SSLContext:
    """Return a controller's trust in the registry: its CA alone; before that is made there is nobody to trust.

    Python 3.13 refuses by itself what RFC 5280 wants and other clients do without; here it judges as those do.
    """
    known = ca_pem(host)
    if isinstance(known, Later):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust = ssl.create_default_context(cadata=known)
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return trust


def registry_certificate(host: Host) -> str | Later:
    """Return the registry's certificate, with what stands between it and the CA, PEM."""
    settings = settings_of(host, Pki)
    if settings.certificate:
        return "".join(map(pem, read_own(settings).chain))
    made = made_here(host)
    certificate = None if made.reason() else made.kept.certificate()
    return pem(certificate) if certificate else Later("the registry's certificate")


def registry_key(host: Host) -> Secret | Later:
    """Return the registry's private key as its server reads it: for the registry's host alone.

    Raises:
        Unfit: clients would refuse the certificate of it, so that it must not get there.
    """
    settings = settings_of(host, Pki)
    if settings.certificate:
        return opened(fit(settings, settings_of(host, Registry)).key)
    made = made_here(host)
    pair = None if made.reason() else made.kept.pair(made.authority.passphrase.resolve())
    return opened(pair.key) if pair else Later("the registry's private key", secret=True)


def issue_certificates(task: Task) -> Result:
    """Make the CA and the registry's certificate, or check the one that was brought."""
    result = converge(task, desired)
    task.results.extend(FindingResult(task.host, finding) for finding in strictness(task.host))
    return result


def strictness(host: Host) -> Iterator[Finding]:
    """Yield for what some clients alone refuse a certificate that was brought; nothing stops for it."""
    settings = settings_of(host, Pki)
    if settings.certificate:
        found = read_own(settings).strictness(own_names(settings_of(host, Registry)), utc_now())
        if lines := said(settings, found):
            yield Finding("certificate:strict", "\n".join(lines), REISSUE, host.name)
