"""The certificate that a company's CA sends back: judged as clients will, then installed on the controller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nornir.core.inventory import Host

from moor.context import site_of
from moor.errors import InputError, UnfitInput, controller_error_text
from moor.lazy_imports import x509
from moor.pki.authority import CertificateNames, fingerprint, names_of, utc_now
from moor.pki.delivered import Delivered, put_in_order, read_delivered
from moor.pki.fitness import CertificateFault, ServerCertificate
from moor.pki.keystore import CaFiles, lock_folder
from moor.pki.pem import is_key_of, pem, read_chain
from moor.pki.request import KeyKind
from moor.pki.rules import subject_of
from moor.run.protocols.certifying import MadeRequest
from moor.secrets import private_files
from moor.settings import settings_of
from moor.tasks.facts import Registry
from moor.tasks.pki.issue import names_to_certify
from moor.tasks.pki.own_certificate import read_own_certificate, required_names
from moor.tasks.pki.request import CertificatePlaces, certificate_places, request_certificate
from moor.tasks.pki.settings import Pki

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

PAGE = "docs/certificates.md, A certificate of your company's CA"
CONCERNS = "trust docker podman containerd"  # that bring the CA to hosts


@dataclass(frozen=True)
class DeliveredCertificate:
    """A delivered certificate that clients would accept, and where its files go.

    Attributes:
        server: the certificate with its chain in order, CAs and key
        places: where the files go
        key_file: where the key is now
        known: the CAs that hosts are to trust already
        present: the certificate that hosts trust by now, if clients accept it
        site: the site's directory
    """

    server: ServerCertificate
    places: CertificatePlaces
    key_file: Path
    known: tuple[x509.Certificate, ...]
    present: ServerCertificate | None
    site: Path
    notes: tuple[str, ...]

    @property
    def root(self) -> x509.Certificate:
        """The CA that clients trust the certificate by; the judging found that it is one of ``server.roots``."""
        return self.server.path[-1]

    @property
    def authority(self) -> str:
        return f"{subject_of(self.root)} (SHA-256 {fingerprint(self.root)})"

    @property
    def lacking(self) -> Literal["", "ca", "trust"]:
        if self.present is None or self.present.path[-1] == self.root:
            return ""  # no client accepts the present one anyway, or the same CA stays
        return "trust" if self.root in self.known else "ca"

    def add_ca(self) -> str:
        with lock_folder(self.places.pending):
            self._write_ca()
        return (
            f"{self.places.ca}: {self.authority} stands beside the former CA now. Hosts do not trust it yet, so the "
            f"certificate is not installed.\nnext: moor apply {CONCERNS}; then the same moor cert install again"
        )

    def install(self) -> str:
        """Write the CA, the key, and the certificate last; the pending request is removed when all are written."""
        places = self.places
        with lock_folder(places.pending):
            self._write_ca()
            if self.key_file != places.key:
                _write(places.key, _read(self.key_file), 0o600)
            _write(places.certificate, "".join(map(pem, self.server.chain)).encode(), 0o644)
            if self.key_file == places.pending_key:
                places.pending_request.unlink(missing_ok=True)
                places.pending_key.unlink(missing_ok=True)
            for path in (places.key, places.certificate, places.ca, places.pending_request, places.pending_key):
                private_files.remove_parts(path)  # of a run that was killed
        leaf = self.server.chain[0]
        done = (
            f"installed: {subject_of(leaf)}, valid until {leaf.not_valid_after_utc:%Y-%m-%d}; moor cert show and moor "
            f"drift watch its end\n  certificate: {places.certificate}\n  key: {places.key}\n  ca: {places.ca}\n"
        )
        return done + ("next: moor plan, then moor apply" if places.in_inventory else self._lines())

    def _write_ca(self) -> None:
        wanted = dict.fromkeys([*self.known, *self.server.roots])
        if tuple(wanted) != self.known or not self.places.ca.exists():
            _write(self.places.ca, "".join(map(pem, wanted)).encode(), 0o644)

    def _lines(self) -> str:
        """Return the lines for the inventory, and the order in which hosts learn of the new CA."""
        places = self.places
        ca = f"    ca: {self._shown(places.ca)}"
        own = [f"    certificate: {self._shown(places.certificate)}", f"    key: file:{self._shown(places.key)}", ca]
        sealed = [f"    passphrase: {places.passphrase}  # as it is; it opens the key"] if places.passphrase else []
        first = (
            f"next: moor apply {CONCERNS}, so that every host trusts the new CA beside moor's own; then moor apply"
            if self.known
            else "next: moor plan, then moor apply"
        )
        return "\n".join(("add these lines to the inventory:", "data:", "  pki:", *own, *sealed, first))

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self.site) if path.is_relative_to(self.site) else path)


class CompanyCertificates:
    """The part of the runbook ``company_certificate`` that ``moor cert request`` and ``moor cert install`` call."""

    def request(self, host: Host, kind: KeyKind | None) -> MadeRequest:
        """Return the pending request, and make it if there is none."""
        return request_certificate(host, kind)

    def judge(self, host: Host, chain: Path, ca: Path | None) -> DeliveredCertificate:
        """Check what the CA sent back as clients will; write nothing.

        Raises:
            UnfitInput: every reason why clients would refuse it.
        """
        places = certificate_places(host, "cert install")
        found = read_delivered(_read(chain), str(chain))
        given = read_delivered(_read(ca), str(ca)) if ca else ()
        key_file, key = _key_for(places, found)
        known = _known_authorities(host, places)
        delivered = put_in_order(found, key, (*known, *given), with_roots=ca is None)
        files = {"certificate": str(chain), "key": str(key_file), "ca": str(ca or places.ca)}
        registry, now = settings_of(host, Registry), utc_now()
        every = names_to_certify(registry, None)
        faults = delivered.server.faults(required_names(registry), now)
        faults = faults or delivered.server.faults(_granted(every, delivered.server), now)
        if lines := _fault_lines(delivered, faults, files):
            raise UnfitInput("\n".join(lines))
        lacked = every.beyond(names_of(delivered.server.chain[0]))
        notes = [f"{chain}: {words}" for words in delivered.changes]
        if lacked:
            notes.append(f"{chain}: it is not for {', '.join(lacked)}; clients refuse the registry by these names")
        strict = delivered.server.strictness(required_names(registry), now)
        notes += [f"{files[fault.part]}: only strict clients refuse it: {fault.words}" for fault in strict]
        present = _present_certificate(host, places)
        return DeliveredCertificate(
            delivered.server, places, key_file, known, present, site_of(host).directory, tuple(notes)
        )


def _write(path: Path, content: bytes, mode: int) -> None:
    try:
        private_files.write(path, content, mode)
    except OSError as error:
        words = controller_error_text(error) or error.strerror or str(error)
        raise InputError(f"{path}: {words}; nothing is lost, so run the same moor cert install again") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give the file that your CA sent") from error


def _granted(requested: CertificateNames, server: ServerCertificate) -> CertificateNames:
    """Return the names of the request that the certificate is for, also those that images are not named by."""
    lacked = requested.beyond(names_of(server.chain[0]))
    dns = tuple(name for name in requested.dns if name not in lacked)
    return CertificateNames(dns, tuple(one for one in requested.addresses if str(one) not in lacked))


def _key_for(places: CertificatePlaces, found: Sequence[x509.Certificate]) -> tuple[Path, PrivateKeyTypes]:
    """Return the key that the certificates are for, and its file: the request's, or the installed one.

    It is the request's if they are for neither.

    Raises:
        InputError: there is no key at all.
    """
    pending = places.read_key(places.pending_key)
    if pending and any(is_key_of(one, pending) for one in found):
        return places.pending_key, pending
    try:
        installed = places.read_key(places.key)
    except InputError:
        if pending is None:
            raise
        installed = None  # the new key is to replace it
    if installed and (pending is None or any(is_key_of(one, installed) for one in found)):
        return places.key, installed
    if pending is None:
        raise InputError(
            f"{places.pending_key}: not there, so no request waits for a certificate; moor cert request makes key and "
            "request"
        )
    return places.pending_key, pending


def _known_authorities(host: Host, places: CertificatePlaces) -> tuple[x509.Certificate, ...]:
    """Return the CAs that hosts are to trust already: those of the inventory's file, or moor's own."""
    if not places.in_inventory:
        return tuple(CaFiles(site_of(host).state / "pki").trusted())
    if not places.ca.exists():
        return ()
    return tuple(read_chain(_read(places.ca), str(places.ca)))


def _present_certificate(host: Host, places: CertificatePlaces) -> ServerCertificate | None:
    """Return the certificate that the inventory names; None if there is none, or clients refuse it anyway."""
    if not places.in_inventory:
        return None
    try:
        own = read_own_certificate(settings_of(host, Pki))
    except InputError:
        return None
    return None if own.faults(required_names(settings_of(host, Registry)), utc_now()) else own


def _fault_lines(delivered: Delivered, faults: Sequence[CertificateFault], files: dict[str, str]) -> list[str]:
    """Return one line for each fault, with the file that has it; the wrong key first."""
    lines = [f"{files[fault.part]}: {fault.words}" for fault in faults if fault.part != "key"]
    if delivered.is_for_key:
        return lines
    other = (
        f"{files['certificate']}: {subject_of(delivered.server.chain[0])} is for another key than {files['key']}; give "
        f"the certificate that was made of the request that moor cert request shows ({PAGE})"
    )
    return [other, *lines]
