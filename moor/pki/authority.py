"""A registry's certificate authority, the certificates it issues, and when they must be issued again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from moor.lazy_imports import ec, exceptions, hashes, x509
from moor.pki.pem import pem

SKEW = timedelta(hours=1)  # certificates are valid from this long ago, for hosts whose clock is behind
NAME_LONGEST = 64  # characters of a common name; RFC 5280, appendix A.1, ub-common-name


@dataclass(frozen=True)
class CertificateNames:
    """The DNS names and addresses of a certificate; the first name becomes the common name."""

    dns: tuple[str, ...]
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()

    def __str__(self) -> str:
        return ", ".join((*self.dns, *map(str, self.addresses)))

    def general(self) -> list[x509.GeneralName]:
        """Return the names in the form of subject alternative names."""
        return [*map(x509.DNSName, self.dns), *map(x509.IPAddress, self.addresses)]

    def subtrees(self) -> list[x509.GeneralName]:
        """Return the names in the form of name constraints, in which an address is a network of one."""
        return [*map(x509.DNSName, self.dns), *(x509.IPAddress(ip_network(address)) for address in self.addresses)]

    def beyond(self, other: CertificateNames) -> tuple[str, ...]:
        """List the names and addresses that ``other`` lacks."""
        lacked = [name for name in self.dns if not any(_covers(known, name) for known in other.dns)]
        return (*lacked, *(str(address) for address in self.addresses if address not in other.addresses))


def _covers(known: str, name: str) -> bool:
    """Return whether a certificate for ``known`` is valid for ``name``; ``*`` matches the first label (RFC 6125).

    OpenSSL and GnuTLS reject a wildcard with fewer than two further labels, such as ``*.lan``.
    """
    known, name = known.lower(), name.lower()
    broad = known.count(".") < 2
    return known == name or (known.startswith("*.") and not broad and known[2:] == name.partition(".")[2])


@dataclass(frozen=True)
class CertificateWithKey:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return pem(self.certificate)


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate, in hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def describe_certificate(certificate: x509.Certificate) -> str:
    """Identify a certificate in few words: half of its fingerprint, and its last day."""
    return f"{fingerprint(certificate)[:32]} until {certificate.not_valid_after_utc:%Y-%m-%d}"


def make_authority(names: CertificateNames, days: int, now: datetime) -> CertificateWithKey:
    """Make a CA whose name constraints permit ``names`` only, so that trusting it allows nothing else.

    References:
        RFC 5280, 4.2.1.3, 4.2.1.9, 4.2.1.10. A DNS subtree also permits names below it; it cannot be narrower.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(f"moor CA for {names.dns[0]}")
    builder = (
        _builder(subject, subject, key, days, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(_constraints(names), critical=True)
    )
    return CertificateWithKey(builder.sign(key, hashes.SHA256()), key)


def _constraints(names: CertificateNames) -> x509.NameConstraints:
    """Permit ``names``; without an address exclude all addresses, since a type without a subtree is permitted."""
    every = [x509.IPAddress(ip_network("0.0.0.0/0")), x509.IPAddress(ip_network("::/0"))]
    return x509.NameConstraints(names.subtrees(), None if names.addresses else every)


def issue(authority: CertificateWithKey, names: CertificateNames, days: int, now: datetime) -> CertificateWithKey:
    """Issue a server certificate for ``names``, signed by ``authority``; it ends no later than its CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    ca = authority.certificate
    days = min(days, (ca.not_valid_after_utc - now).days)
    identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        _builder(_subject(names.dns[0]), ca.subject, key, days, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names.general()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return CertificateWithKey(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name[:NAME_LONGEST])])


def key_usage(*, signs_certificates: bool, enciphers_keys: bool = False) -> x509.KeyUsage:
    """Return what a key may be used for; only RSA keys encipher others (RFC 5280, 4.2.1.3)."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=enciphers_keys,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def reason_to_issue(
    certificate: x509.Certificate | None, names: CertificateNames, now: datetime, renew_before_days: int
) -> str | None:
    """Return why a server certificate must be issued, or None if the current one will do."""
    if certificate is None:
        return "there is none"
    if lacked := names.beyond(names_of(certificate)):
        return f"it is not for {', '.join(lacked)}"
    return validity_fault(certificate, now, renew_before_days)


def reason_to_issue_authority(
    certificate: x509.Certificate | None, names: CertificateNames, now: datetime, days_left: int
) -> str | None:
    """Return why a new CA must be made, or None if the current one will do."""
    if certificate is None:
        return "there is none"
    if lacked := names.beyond(permitted_names(certificate)):
        return f"it may not vouch for {', '.join(lacked)}"
    return validity_fault(certificate, now, days_left)


def validity_fault(certificate: x509.Certificate, now: datetime, renew_before_days: int) -> str | None:
    """Return why a certificate is not valid now, or not for ``renew_before_days`` more; None if it is."""
    until = certificate.not_valid_after_utc
    if now < certificate.not_valid_before_utc:
        return f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC; is this clock right?"
    if now >= until:
        return f"it expired on {until:%Y-%m-%d}"
    if now + timedelta(days=renew_before_days) >= until:
        return f"it expires on {until:%Y-%m-%d}, within {renew_before_days} days"
    return None


def names_of(certificate: x509.Certificate) -> CertificateNames:
    """Return the subject alternative names of a certificate."""
    return names_in(certificate.extensions)


def names_in(extensions: x509.Extensions) -> CertificateNames:
    """Return the subject alternative names among the extensions of a certificate or a request."""
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return CertificateNames(())
    addresses = (ip_address(str(address)) for address in names.get_values_for_type(x509.IPAddress))
    return CertificateNames(tuple(names.get_values_for_type(x509.DNSName)), tuple(addresses))


def permitted_names(certificate: x509.Certificate) -> CertificateNames:
    """Return the names that a CA's name constraints permit."""
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return CertificateNames(())
    trees = constraints.permitted_subtrees or []
    hosts = [tree.value for tree in trees if isinstance(tree, x509.IPAddress)]
    single = (net.network_address for net in hosts if not isinstance(net, IPv4Address | IPv6Address))
    return CertificateNames(tuple(tree.value for tree in trees if isinstance(tree, x509.DNSName)), tuple(single))


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return whether ``issuer`` signed ``certificate``; only names are compared if the library rejects the hash."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except ValueError:  # another issuer's name, or a rejected hash
        return certificate.issuer == issuer.subject and _by_old_hash(certificate)
    except (TypeError, exceptions.InvalidSignature, exceptions.UnsupportedAlgorithm):
        return False
    return True


def _by_old_hash(certificate: x509.Certificate) -> bool:
    try:
        used = certificate.signature_hash_algorithm
    except exceptions.UnsupportedAlgorithm:
        return False
    return used is not None and used.name in ("md5", "sha1")


def utc_now() -> datetime:
    """Return the current time in whole seconds, as certificates store it."""
    return datetime.now(UTC).replace(microsecond=0)
