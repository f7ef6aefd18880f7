"""A certificate that the user's own CA issued: read from the site's files and checked as clients would check it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.engine.findings import Finding
from moor.errors import HostError, InputError, UnfitInput
from moor.pki.authority import CertificateNames, utc_now
from moor.pki.fitness import CertificateFault, ServerCertificate
from moor.pki.pem import read_chain, read_key
from moor.resources.base import Remote, State
from moor.settings import prefix_errors, settings_of
from moor.tasks.facts import Registry
from moor.tasks.pki.settings import Pki

REISSUE = "have it issued anew by your CA; docs/certificates.md, A certificate of your own"


@dataclass(frozen=True)
class OwnCertificate(Remote):
    """A certificate of the user's own, which moor checks before the run and never changes."""

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
        raise HostError(
            f"{self.settings.certificate}: only its owner can mend it; replace the files that data.pki names"
        )


def read_own_certificate(settings: Pki) -> ServerCertificate:
    """Read the user's own chain, key and CA; raise InputError where one of the files is missing or malformed."""
    if not (settings.certificate and settings.key and settings.ca):
        raise InputError("data.pki names no certificate of your own; write certificate, key and ca")
    with prefix_errors("data.pki.passphrase"):
        passphrase = settings.passphrase.resolve() if settings.passphrase else None
    with prefix_errors("data.pki.key"):
        key = settings.key.resolve().reveal().encode()
    chain = read_chain(read_bytes(settings.certificate), str(settings.certificate))
    roots = read_chain(read_bytes(settings.ca), str(settings.ca))
    return ServerCertificate(tuple(chain), tuple(roots), read_key(key, passphrase, settings.key.reference))


def read_fit_certificate(settings: Pki, registry: Registry) -> ServerCertificate:
    """Read the user's own certificate; raise UnfitInput with every reason for which a client would refuse it."""
    own = read_own_certificate(settings)
    if lines := fault_lines(settings, own.faults(required_names(registry), utc_now())):
        raise UnfitInput("\n".join(lines))
    return own


def refuse_unfit_certificate(host: Host) -> None:
    """Check the user's own certificate as clients do, before any host is made to trust its CA.

    The result is cached, so that hosts with the same certificate are checked once.

    Raises:
        UnfitInput: every reason why clients would refuse it.
    """
    settings = settings_of(host, Pki)
    if settings.certificate:
        registry = settings_of(host, Registry)
        if lines := _judge_files(settings, registry, _modified_at(settings.certificate), _modified_at(settings.ca)):
            raise UnfitInput("\n".join(lines))


@lru_cache(maxsize=8)
def _judge_files(settings: Pki, registry: Registry, *_: float) -> tuple[str, ...]:
    faults = read_own_certificate(settings).faults(required_names(registry), utc_now())
    return tuple(fault_lines(settings, faults))


def _modified_at(path: Path | None) -> float:
    """Return a file's modification time, or 0 if there is none; it is part of the key of the cache."""
    return path.stat().st_mtime if path and path.exists() else 0.0


def fault_lines(settings: Pki, faults: Iterable[CertificateFault]) -> list[str]:
    """Return one line for each fault, with the file that has it."""
    key = settings.key.reference if settings.key else ""
    files = {"certificate": str(settings.certificate), "key": key, "ca": str(settings.ca)}
    return [f"{files[fault.part]}: {fault.words}" for fault in faults]


def required_names(registry: Registry) -> CertificateNames:
    """Return the names that the user's own certificate must be valid for: those in image references.

    Two registries copy to each other by their addresses, so that it must be valid for those too.
    """
    return CertificateNames((registry.name, *registry.aliases), registry.every_address if registry.standby else ())


def read_bytes(path: Path) -> bytes:
    """Read a file that ``data.pki`` names; raise InputError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; data.pki names it") from error


def strictness_findings(host: Host) -> Iterator[Finding]:
    """Yield a finding where only strict clients refuse the user's own certificate; it stops no apply."""
    settings = settings_of(host, Pki)
    if settings.certificate:
        faults = read_own_certificate(settings).strictness(required_names(settings_of(host, Registry)), utc_now())
        if lines := fault_lines(settings, faults):
            yield Finding("certificate:strict", "\n".join(lines), REISSUE, host.name)
