"""The registry's CA and certificate, issued by moor or the user's own, and the trust that clients need.

Both are files of the site on the controller. The CA's key never leaves it; the registry's key goes to the registry's
host alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import context_of, runs_registry, site_of
from moor.engine.converge import converge
from moor.engine.results import FindingResult
from moor.errors import InputError
from moor.lazy_imports import ssl, x509
from moor.pki.authority import CertificateNames, permitted_names
from moor.pki.keystore import CaFiles
from moor.pki.pem import pem, plain_key, read_chain
from moor.resources.base import Later, Resource
from moor.resources.certificate import Certificate, CertificateAuthority, Validity
from moor.secrets.secret import Secret
from moor.settings import prefix_errors, settings_of
from moor.tasks.facts import Registry
from moor.tasks.pki.given_ca import given_ca_pem, refuse_unfit_ca
from moor.tasks.pki.own_certificate import (
    OwnCertificate,
    read_bytes,
    read_fit_certificate,
    read_own_certificate,
    refuse_unfit_certificate,
    required_names,
    strictness_findings,
)
from moor.tasks.pki.settings import Pki, incomplete


def names_to_certify(registry: Registry, present: x509.Certificate | None) -> CertificateNames:
    """Return every name and address by which clients may reach the registry.

    Clients use the name, so an IPv6 address or a standby that is added later does not replace the CA at once: where the
    present CA may not certify its address, that waits for the next CA.

    Args:
        present: the present CA
    """
    every = registry.every_address
    allowed = set(permitted_names(present).addresses) if present is not None else set(every)
    hosts = {registry.address, *([registry.standby.address] if registry.standby else [])}
    mains = hosts & allowed or {registry.address}
    return CertificateNames(registry.names, tuple(one for one in every if one in allowed | mains))


def judge(host: Host) -> None:
    """Raise UnfitInput if clients would refuse the user's own certificate; a run calls this before it starts."""
    refuse_unfit_trust(host)


def desired(host: Host) -> Sequence[Resource]:
    """Return the CA and the registry's certificate, on the controller; nothing where others run the registry."""
    if not runs_registry(host):
        return []
    settings, registry = settings_of(host, Pki), settings_of(host, Registry)
    if settings.certificate:
        read_fit_certificate(settings, registry)
        return [OwnCertificate(settings, required_names(registry))]
    certificate = issued_certificate(host)
    with prefix_errors("data.pki.passphrase"):
        certificate.authority.passphrase.resolve()  # raises before anything is changed
    return [certificate.authority, certificate]


def issued_certificate(host: Host) -> Certificate:
    """Return the certificate that moor issues for the registry, with its CA as ``authority``."""
    settings = settings_of(host, Pki)
    if settings.passphrase is None:
        raise InputError(
            f"{host.name}: data.pki.ca: {incomplete(('certificate', 'key'))}; or write data.harbor.managed: false, if "
            "somebody else runs the registry"
        )
    folder, registry = site_of(host).state / "pki", settings_of(host, Registry)
    several = len(registry.every_address) > 1
    names = names_to_certify(registry, CaFiles(folder).present.certificate() if several else None)
    authority = CertificateAuthority(
        folder,
        names,
        settings.passphrase,
        Validity(settings.ca_days, settings.renew_before_days),
        context_of(host).replaced,
        tuple(address for address in registry.every_address if address not in names.addresses),
    )
    return Certificate(authority, Validity(settings.days, settings.renew_before_days))


def refuse_unfit_trust(host: Host) -> None:
    """Check the files of the user's from which clients would learn to trust the registry, before any client does.

    Every module that writes the CA on hosts calls this from its ``judge``.

    Raises:
        UnfitInput: every reason why clients would refuse the registry's certificate, as far as the files show it.
    """
    if runs_registry(host):
        refuse_unfit_certificate(host)
    else:
        refuse_unfit_ca(host)


def ca_pem(host: Host) -> str | Later:
    """Return the CA certificates that clients of the registry must trust, PEM; Later where this run makes them.

    The present CA comes first. During a rotation, clients trust two. Empty where the registry's certificate is a
    public one, which clients trust already.
    """
    if not runs_registry(host):
        return given_ca_pem(host)
    settings = settings_of(host, Pki)
    if settings.ca and settings.certificate:
        return "".join(map(pem, read_chain(read_bytes(settings.ca), str(settings.ca))))
    authority = issued_certificate(host).authority
    if authority.due():
        return Later("the present CA's certificate and the next one's")
    trusted = [] if authority.reason() else authority.succession.trusted()
    return "".join(map(pem, trusted)) or Later("the CA's certificate")


def trust_of(host: Host) -> ssl.SSLContext:
    """Return the TLS context by which the controller trusts the registry's CA alone, or nobody before it is made.

    It trusts the system's CAs where the registry's certificate is a public one.
    Python 3.13 checks RFC 5280 strictly by default, which other clients do not; this context does not either.
    """
    known = ca_pem(host)
    if isinstance(known, Later):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust = ssl.create_default_context(cadata=known or None)
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return trust


def registry_certificate(host: Host) -> str | Later:
    """Return the registry's certificate, PEM, followed by its intermediates.

    Raises:
        InputError: somebody else runs the registry
    """
    if not runs_registry(host):
        raise InputError(f"{host.name}: somebody else runs the registry, and has its certificate; ask that team")
    settings = settings_of(host, Pki)
    if settings.certificate:
        return "".join(map(pem, read_own_certificate(settings).chain))
    issued = issued_certificate(host)
    certificate = None if issued.reason() else issued.kept.certificate()
    return pem(certificate) if certificate else Later("the registry's certificate")


def registry_key(host: Host) -> Secret | Later:
    """Return the registry's private key, unencrypted, for the registry's host alone.

    Raises:
        UnfitInput: clients would refuse the user's own certificate, so its key must not be deployed.
    """
    settings = settings_of(host, Pki)
    if settings.certificate:
        return plain_key(read_fit_certificate(settings, settings_of(host, Registry)).key)
    issued = issued_certificate(host)
    pair = None if issued.reason() else issued.kept.pair(issued.authority.passphrase.resolve())
    return plain_key(pair.key) if pair else Later("the registry's private key", secret=True)


def issue_certificates(task: Task) -> Result:
    """Issue the CA and the registry's certificate, or check the user's own certificate."""
    result = converge(task, desired)
    task.results.extend(FindingResult(task.host, finding) for finding in strictness_findings(task.host))
    return result
