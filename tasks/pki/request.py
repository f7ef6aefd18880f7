"""A request to a company's CA: its key and itself are kept on the controller until the certificate is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nornir.core.inventory import Host

from moor.context import runs_registry, site_of
from moor.errors import InputError
from moor.lazy_imports import ec, rsa, x509
from moor.pki.keystore import lock_folder
from moor.pki.pem import encrypt_key, plain_key, read_key
from moor.pki.request import (
    KeyKind,
    is_request_of,
    kind_of,
    make_key,
    make_request,
    read_request,
    request_pem,
    requested_names,
)
from moor.run.protocols.certifying import MadeRequest
from moor.secrets import private_files
from moor.secrets.secret import Secret, split_reference
from moor.settings import SecretRef, optional_settings_of, prefix_errors, settings_of
from moor.tasks.facts import Registry
from moor.tasks.pki.issue import names_to_certify
from moor.tasks.pki.settings import Pki


@dataclass(frozen=True)
class CertificatePlaces:
    """Where a certificate of the user's own is kept on the controller.

    Attributes:
        in_inventory: ``data.pki`` names the files; otherwise they are below the site's state
        pending: the folder of a request that waits for its certificate
        passphrase: what encrypts the key, if it is to be encrypted
    """

    certificate: Path
    key: Path
    ca: Path
    in_inventory: bool
    pending: Path
    passphrase: SecretRef | None

    @property
    def pending_key(self) -> Path:
        return self.pending / "request.key"

    @property
    def pending_request(self) -> Path:
        return self.pending / "request.csr"

    def read_key(self, path: Path) -> ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None:
        """Read a key; None if there is no such file.

        Raises:
            InputError: the passphrase is missing or wrong, or the file is damaged.
        """
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; it must be readable for you") from error
        key = read_key(content, self.secret(), str(path))
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
            raise InputError(f"{path}: neither an EC nor an RSA key; move it away, and moor cert request makes another")
        return key

    def secret(self) -> Secret | None:
        """Return the passphrase, or None if the key is not to be encrypted."""
        with prefix_errors("data.pki.passphrase"):
            return self.passphrase.resolve() if self.passphrase else None


def certificate_places(host: Host, command: str) -> CertificatePlaces:
    """Return where the certificate of the user's own is kept.

    Args:
        host: the registry's host
        command: the command as typed, for errors

    Raises:
        InputError: somebody else runs the registry, or the inventory names a key that is no file.
    """
    if not runs_registry(host):
        raise InputError(
            f"{command}: somebody else runs {settings_of(host, Registry).host_port}, and has its certificate; ask that "
            "team (docs/existing-registry.md)"
        )
    settings, folder = optional_settings_of(host, Pki), site_of(host).state / "pki"
    passphrase = settings.passphrase if settings else None
    if not (settings and settings.certificate and settings.key and settings.ca):
        own = folder / "own"
        return CertificatePlaces(
            own / "registry.crt", own / "registry.key", own / "ca.crt", False, folder / "pending", passphrase
        )
    scheme, name = split_reference(settings.key.reference)
    if scheme != "file":
        raise InputError(
            f"data.pki.key: {command} writes the key to a file, and this is a reference by {scheme}:; write file:PATH"
        )
    return CertificatePlaces(settings.certificate, Path(name), settings.ca, True, folder / "pending", passphrase)


def request_certificate(host: Host, kind: KeyKind | None) -> MadeRequest:
    """Return the pending request for the registry's certificate; make it, and its key, if there is none.

    The key is on the disk before its request is. A request for other names than the registry's present ones is made
    anew, with the same key.

    Args:
        host: the registry's host
        kind: the kind of the key; None for EC, or what a pending request has

    Raises:
        InputError: a request with a key of another kind is pending.
    """
    places = certificate_places(host, "cert request")
    names = names_to_certify(settings_of(host, Registry), None)
    with lock_folder(places.pending):
        key = places.read_key(places.pending_key)
        if key is None:
            key = make_key(kind or "ec")
            secret = places.secret()
            content = encrypt_key(key, secret) if secret else plain_key(key).reveal().encode()
            private_files.write(places.pending_key, content)
        elif kind and kind != kind_of(key):
            raise InputError(
                f"--key {kind}: a request with a key of the kind {kind_of(key)} is pending; to give it up, move "
                f"{places.pending_key} away"
            )
        request = _pending_request(places, key)
        reused = request is not None and requested_names(request) == names
        if request is None or not reused:
            request = make_request(key, names)
            private_files.write(places.pending_request, request_pem(request), 0o644)
    return MadeRequest(request_pem(request).decode(), str(names), places.pending_request, places.pending_key, reused)


def _pending_request(
    places: CertificatePlaces, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
) -> x509.CertificateSigningRequest | None:
    """Return the request that was made with ``key``, if there is one."""
    path = places.pending_request
    if not path.exists():
        return None
    request = read_request(path.read_bytes(), str(path))
    return request if is_request_of(request, key) else None
