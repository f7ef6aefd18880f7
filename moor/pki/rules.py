"""Rules by which clients refuse one certificate of a chain; each yields a message with its remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network

from moor.lazy_imports import ec, exceptions, x509
from moor.pki.authority import CertificateNames, names_of, validity_fault
from moor.pki.pem import ignore_warnings

RSA_LEAST, RSA_MOST = 2048, 8192  # OpenSSL at level 2; Go, crypto/tls
CURVES = ("secp256r1", "secp384r1", "secp521r1")  # Go knows no other in TLS
HASHES = ("sha256", "sha384", "sha512")  # OpenSSL at level 2, and Go, which knows no SHA-224 and no SHA-3 here
SERVER = "1.3.6.1.5.5.7.3.1"
PURPOSES = {f"1.3.6.1.5.5.7.3.{n}": word for n, word in ((2, "clientAuth"), (3, "codeSigning"), (4, "emailProtection"))}
PURPOSES |= {"2.5.29.37.0": "any, which OpenSSL does not take for a server's"}
RSA, RSA_PSS, EC, ED25519 = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.10045.2.1", "1.3.101.112"
# Extensions that all clients handle if critical: keyUsage, SAN, basicConstraints, nameConstraints, CRL distribution
# points, certificatePolicies, extKeyUsage. The Go of containerd 1.6 and Docker 24 handles no others.
HANDLED = {f"2.5.29.{number}" for number in (15, 17, 19, 30, 31, 32, 37)}
EARLY = "have it issued anew"
PYTHON = "which Python 3.13 and later, and whatever else goes by RFC 5280 to the letter, refuses"


def subject_of(certificate: x509.Certificate) -> str:
    """Return a certificate's subject for messages."""
    return certificate.subject.rfc4514_string() or "a certificate without a subject"


def extension_of(certificate: x509.Certificate, number: int) -> x509.Extension[x509.ExtensionType] | None:
    """Return the extension 2.5.29.``number``, or None; raise ValueError if the extensions cannot be read."""
    try:
        return certificate.extensions.get_extension_for_oid(x509.ObjectIdentifier(f"2.5.29.{number}"))
    except x509.ExtensionNotFound:
        return None


def faults_of_any(certificate: x509.Certificate, now: datetime, *, anchor: bool) -> Iterator[str]:
    """Yield the faults that any certificate of a chain may have.

    Args:
        anchor: clients trust it directly, so its signature does not matter
    """
    if reason := validity_fault(certificate, now, 0):
        yield f"{reason}; {EARLY}"
    yield from _key(certificate)
    if not anchor:
        yield from _signature(certificate)
    with ignore_warnings():
        serial = certificate.serial_number
    if serial < 0:
        yield f"its serial number is negative, which Go (containerd, Docker) refuses to read; {EARLY}"
    unknown = [one.oid.dotted_string for one in certificate.extensions if one.critical]
    if unknown := [oid for oid in unknown if oid not in HANDLED]:
        yield f"its extension {', '.join(unknown)} is critical, and clients refuse what they do not know; {EARLY}"


def _key(certificate: x509.Certificate) -> Iterator[str]:
    kind = certificate.public_key_algorithm_oid.dotted_string
    try:
        key = certificate.public_key()
    except (ValueError, exceptions.UnsupportedAlgorithm):
        kind = ""
    size = getattr(key, "key_size", 0) if kind else 0
    if kind == RSA and size < RSA_LEAST:
        yield f"its RSA key has {size} bits, and clients want {RSA_LEAST}; make a new key and {EARLY}"
    elif kind == RSA and size > RSA_MOST:
        yield f"its RSA key has {size} bits, and Go (containerd, Docker) takes {RSA_MOST} at most; {EARLY}"
    elif kind == RSA_PSS:
        yield f"its key is for RSA-PSS alone, which Go (containerd, Docker) does not know; {EARLY} for a plain RSA key"
    elif kind == EC and isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in CURVES:
        yield f"its key is on the curve {key.curve.name}, which Go does not know; {EARLY} for P-256 or P-384"
    elif kind not in (RSA, EC, ED25519):
        yield f"its key is of a kind that clients do not know; {EARLY} for an RSA key, or an EC key on P-256"


def _signature(certificate: x509.Certificate) -> Iterator[str]:
    try:
        used = certificate.signature_hash_algorithm
        name = used.name if used else ""
    except exceptions.UnsupportedAlgorithm:
        name = certificate.signature_algorithm_oid.dotted_string
    if name and name not in HASHES:
        yield f"it is signed by {name.upper()}, which clients refuse; {EARLY} with SHA-256"


def faults_of_authority(certificate: x509.Certificate, below: int) -> Iterator[str]:
    """Yield the faults of a CA certificate.

    Args:
        below: the number of CAs between it and the server's certificate
    """
    basic, usage = extension_of(certificate, 19), extension_of(certificate, 15)
    limit = basic.value.path_length if basic and isinstance(basic.value, x509.BasicConstraints) else None
    if not basic or not isinstance(basic.value, x509.BasicConstraints) or not basic.value.ca:
        yield f"it is no CA (basicConstraints do not say CA:TRUE), and signed another; {EARLY} by a CA"
    elif limit is not None and limit < below:
        more = "1 CA stands" if below == 1 else f"{below} CAs stand"
        yield (
            f"its path length is {limit}, and {more} between it and the server's certificate; have that issued by a CA "
            "higher up, or this one anew with a larger pathlen"
        )
    if usage and isinstance(usage.value, x509.KeyUsage) and not usage.value.key_cert_sign:
        yield f"its keyUsage lacks keyCertSign, so that it may sign no certificates; {EARLY} with that"
    yield from _purpose(certificate)


def _purpose(certificate: x509.Certificate) -> Iterator[str]:
    extension = extension_of(certificate, 37)
    if extension and isinstance(extension.value, x509.ExtendedKeyUsage):
        purposes = {purpose.dotted_string for purpose in extension.value}
        if SERVER not in purposes:
            words = ", ".join(sorted(PURPOSES.get(purpose, purpose) for purpose in purposes))
            yield f"it is not for servers (extendedKeyUsage is {words}); {EARLY} with serverAuth"


def faults_of_server_certificate(
    certificate: x509.Certificate, names: CertificateNames, *, alone: bool
) -> Iterator[str]:
    """Yield the faults of a server's certificate.

    Args:
        alone: clients trust it directly, so it may be a CA
    """
    basic, usage, named = extension_of(certificate, 19), extension_of(certificate, 15), extension_of(certificate, 17)
    if not alone and basic and isinstance(basic.value, x509.BasicConstraints) and basic.value.ca:
        yield f"it is a CA itself (CA:TRUE), which a server's certificate must not be; {EARLY} as a server's"
    if usage and isinstance(usage.value, x509.KeyUsage) and not usage.value.digital_signature:
        yield f"its keyUsage lacks digitalSignature, by which a server proves itself; {EARLY} with that"
    yield from _purpose(certificate)
    if named is None:
        yield f"it has no subject alternative names, and a common name counts no more; {EARLY} with {names}"
    else:
        own = names_of(certificate)
        if lacked := names.beyond(own):
            broad = [name for name in own.dns if name.startswith("*.") and name.count(".") < 2]
            why = f" ({', '.join(broad)} is too broad a pattern, and does not count)" if broad else ""
            yield f"it is not for {', '.join(lacked)}{why}; have it issued with these subject alternative names"


def faults_of_name_constraints(authority: x509.Certificate, leaf: x509.Certificate) -> Iterator[str]:
    """Yield the faults of a server's certificate under a CA's name constraints.

    Every name of the certificate is checked, also those that no client uses.
    """
    extension, named = extension_of(authority, 30), extension_of(leaf, 17)
    if extension is None or not isinstance(extension.value, x509.NameConstraints):
        return
    permitted, excluded = extension.value.permitted_subtrees or [], extension.value.excluded_subtrees or []
    known = (x509.DNSName, x509.IPAddress, x509.RFC822Name, x509.UniformResourceIdentifier)
    if extension.critical and any(not isinstance(tree, known) for tree in (*permitted, *excluded)):
        yield (
            "its name constraints are critical and name a directory or another kind of name that Go (containerd, "
            f"Docker) does not know, and refuses; {EARLY} with DNS and IP constraints alone"
        )
    names = named.value if named and isinstance(named.value, x509.SubjectAlternativeName) else ()
    outside = [str(name.value) for name in names if _outside(name, permitted, excluded)]
    if outside:
        yield f"its name constraints do not permit {', '.join(outside)}; have the certificate issued by another CA"


def _outside(name: x509.GeneralName, permitted: list[x509.GeneralName], excluded: list[x509.GeneralName]) -> bool:
    kind = [tree for tree in permitted if type(tree) is type(name)]
    return (bool(kind) and not _within(name, kind)) or _within(name, excluded)


def _within(name: x509.GeneralName, trees: Iterable[x509.GeneralName]) -> bool:
    if isinstance(name, x509.DNSName):
        return any(isinstance(tree, x509.DNSName) and _below(name.value, tree.value) for tree in trees)
    if isinstance(name, x509.IPAddress):
        networks = (tree.value for tree in trees if isinstance(tree, x509.IPAddress))
        return any(isinstance(one, IPv4Network | IPv6Network) and name.value in one for one in networks)
    return any(name == tree for tree in trees)


def _below(name: str, tree: str) -> bool:
    """Return whether a DNS subtree contains a name: the name itself or below; with a leading dot only below."""
    name, tree = name.lower(), tree.lower()
    bare = tree.removeprefix(".")
    return not bare or name.endswith(f".{bare}") or (name == bare and tree == bare)


def strict_faults(certificate: x509.Certificate, *, authority: bool, own_issuer: bool) -> Iterator[str]:
    """Yield the violations of RFC 5280 that only strict clients refuse.

    Args:
        own_issuer: the certificate is self-signed
    """
    if not own_issuer and extension_of(certificate, 35) is None:
        yield f"it has no authorityKeyIdentifier, {PYTHON}; {EARLY} with that"
    if not authority:
        return
    basic = extension_of(certificate, 19)
    if extension_of(certificate, 14) is None:
        yield f"it has no subjectKeyIdentifier, {PYTHON}; {EARLY} with that"
    if extension_of(certificate, 15) is None:
        yield f"it has no keyUsage, {PYTHON}; {EARLY} with keyCertSign"
    if basic is not None and not basic.critical:
        yield f"its basicConstraints are not critical, {PYTHON}; {EARLY} with critical ones"
