"""Certificates and their keys in files on the controller, keys sealed by a passphrase."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from moor.errors import InputError
from moor.lazy_imports import ec, x509
from moor.pki.authority import Pair
from moor.pki.pem import BEGIN_CERTIFICATE, key_fits, pem, read_chain, read_key, sealed
from moor.secrets import private_files
from moor.secrets.secret import Secret


@dataclass(frozen=True)
class StoredPair:
    """A pair below ``folder``: NAME.key holds the sealed key and its certificate, NAME.crt the certificate for others.

    Both parts of a pair are in one file, so that a run that is killed never leaves a key without its certificate.
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
        """Read the certificate, without need of a passphrase; raises InputError where the files are damaged."""
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

    def pair(self, passphrase: Secret) -> Pair | None:
        """Read certificate and key; raises InputError for a wrong passphrase, damaged files, or two that do not fit."""
        certificate = self.certificate()
        content = self._bytes(self.key_file)
        if certificate is None or content is None:
            return None
        key = read_key(content, passphrase, str(self.key_file))
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not key_fits(certificate, key):
            raise InputError(f"{self.key_file}: not the key of its certificate; put back a good copy of both")
        return Pair(certificate, key)

    def flaw(self, pair: Pair) -> str | None:
        """Return what is wrong with the files around a good pair."""
        modes = {file.name: file.stat().st_mode & 0o777 for file in (self.key_file, self.folder)}
        for name, mode in modes.items():
            if mode & 0o077:
                return f"others may read {name} (mode {mode:04o})"
        if self._bytes(self.certificate_file) != pair.pem.encode():
            return f"{self.certificate_file.name} is not the certificate of {self.key_file.name}"
        return None

    def save(self, pair: Pair, passphrase: Secret) -> None:
        """Write both files, whole or not at all; the certificate's copy last."""
        private_files.make_directory(self.folder)
        private_files.write(self.key_file, sealed(pair.key, passphrase) + pem(pair.certificate).encode())
        private_files.write(self.certificate_file, pair.pem.encode(), 0o644)

    def alone(self) -> AbstractContextManager[None]:
        """Keep other runs on this controller out meanwhile."""
        return alone_in(self.folder)

    def _bytes(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; it must be readable for you") from error


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs on this controller out of ``folder`` meanwhile."""
    private_files.make_directory(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Succession:
    """The CAs below ``folder`` while one takes another's place.

    Nothing is signed by the next one before everybody trusts it; the former one, whose key is gone, is trusted until
    nothing that it signed is served. Each step is one rename, so that a run that is killed leaves a step done or not.
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
        """Read the former CA; raises InputError where its file is damaged."""
        if not self.former_file.exists():
            return None
        return read_chain(self.former_file.read_bytes(), str(self.former_file))[0]

    def trusted(self) -> list[x509.Certificate]:
        """List whom clients shall trust, the present one first, each once."""
        found = (self.present.certificate(), self.next.certificate(), self.former())
        return list(dict.fromkeys(certificate for certificate in found if certificate))

    def promote(self) -> None:
        """Have the next CA take the place of the present one, whose key is thereby gone."""
        present, following = self.present.certificate(), self.next.certificate()
        if following is None:
            return
        if present is not None:
            private_files.write(self.former_file, pem(present).encode(), 0o644)
        self.next.certificate_file.unlink(missing_ok=True)
        os.replace(self.next.key_file, self.present.key_file)
        private_files.write(self.present.certificate_file, pem(following).encode(), 0o644)

    def retire(self) -> None:
        """Trust the former CA no longer."""
        self.former_file.unlink(missing_ok=True)
