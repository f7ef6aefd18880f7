"""Files on the controller that hold certificates and their keys, encrypted by a passphrase."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from moor.errors import InputError
from moor.lazy_imports import ec, x509
from moor.pki.authority import CertificateWithKey
from moor.pki.pem import BEGIN_CERTIFICATE, encrypt_key, is_key_of, pem, read_chain, read_key
from moor.secrets import private_files
from moor.secrets.secret import Secret


@dataclass(frozen=True)
class StoredPair:
    """A certificate and its key in ``folder``: NAME.key holds both, NAME.crt a copy of the certificate for others.

    NAME.key holds both so that a killed run never leaves a key without its certificate.
    """

    folder: Path
    name: str

    @property
    def key_file(self) -> Path:
        return self.folder / f"{self.name}.key"

    @property
    def certificate_file(self) -> Path:
        return self.folder / f"{self.name}.crt"

    def certificate(self) -> x509.Certificate | None:
        """Read the certificate, which needs no passphrase; None if there is none.

        Raises:
            InputError: a file is missing or damaged.
        """
        sealed_key = self._bytes(self.key_file)
        if sealed_key is None:
            if self.certificate_file.exists():
                raise InputError(
                    f"{self.key_file}: not there, but {self.certificate_file.name} is; put the key back, "
                    "or move the certificate away to have both made anew"
                )
            return None
        content = sealed_key if BEGIN_CERTIFICATE.encode() in sealed_key else self._bytes(self.certificate_file)
        return read_chain(content, str(self.key_file))[0] if content else None

    def pair(self, passphrase: Secret) -> CertificateWithKey | None:
        """Read certificate and key; None if there are none.

        Raises:
            InputError: the passphrase is wrong, a file is damaged, or the two do not belong together.
        """
        certificate = self.certificate()
        content = self._bytes(self.key_file)
        if certificate is None or content is None:
            return None
        key = read_key(content, passphrase, str(self.key_file))
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not is_key_of(certificate, key):
            raise InputError(f"{self.key_file}: not the key of its certificate; put back a good copy of both")
        return CertificateWithKey(certificate, key)

    def flaw(self, pair: CertificateWithKey) -> str | None:
        """Return what is wrong with the files of a valid pair: their modes, or a stale copy."""
        modes = {file.name: file.stat().st_mode & 0o777 for file in (self.key_file, self.folder)}
        for name, mode in modes.items():
            if mode & 0o077:
                return f"others may read {name} (mode {mode:04o})"
        if self._bytes(self.certificate_file) != pair.pem.encode():
            return f"{self.certificate_file.name} is not the certificate of {self.key_file.name}"
        return None

    def save(self, pair: CertificateWithKey, passphrase: Secret) -> None:
        """Write both files atomically, the certificate's copy last."""
        private_files.make_directory(self.folder)
        private_files.write(self.key_file, encrypt_key(pair.key, passphrase) + pem(pair.certificate).encode())
        private_files.write(self.certificate_file, pair.pem.encode(), 0o644)

    def lock(self) -> AbstractContextManager[None]:
        """Lock the folder against other runs on this controller."""
        return lock_folder(self.folder)

    def _bytes(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; it must be readable for you") from error


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Lock ``folder`` against other runs on this controller."""
    private_files.make_directory(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class CaFiles:
    """The present, next and former CA in ``folder``, for a rotation.

    The next CA signs nothing before every host trusts it. The former CA, whose key is deleted, stays trusted until no
    certificate of it is served. Each step is one rename, so a killed run leaves no step half done.
    """

    folder: Path

    @property
    def present(self) -> StoredPair:
        return StoredPair(self.folder, "ca")

    @property
    def next(self) -> StoredPair:
        return StoredPair(self.folder, "next-ca")

    @property
    def former_file(self) -> Path:
        return self.folder / "former-ca.crt"

    def former(self) -> x509.Certificate | None:
        """Read the former CA's certificate; raise InputError if the file is damaged."""
        if not self.former_file.exists():
            return None
        return read_chain(self.former_file.read_bytes(), str(self.former_file))[0]

    def trusted(self) -> list[x509.Certificate]:
        """List the CAs that clients must trust, without duplicates, the present one first."""
        found = (self.present.certificate(), self.next.certificate(), self.former())
        return list(dict.fromkeys(certificate for certificate in found if certificate))

    def promote(self) -> None:
        """Make the next CA the present one; of the former one only the certificate is kept."""
        present, following = self.present.certificate(), self.next.certificate()
        if following is None:
            return
        if present is not None:
            private_files.write(self.former_file, pem(present).encode(), 0o644)
        self.next.certificate_file.unlink(missing_ok=True)
        os.replace(self.next.key_file, self.present.key_file)
        private_files.write(self.present.certificate_file, pem(following).encode(), 0o644)

    def retire(self) -> None:
        """Remove the former CA, so that hosts stop trusting it."""
        self.former_file.unlink(missing_ok=True)
