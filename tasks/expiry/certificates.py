"""The registry's certificates: on the controller, on the registry's disk, and as served to clients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import dirname
from shlex import quote

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import runs_registry
from moor.engine.converge import converge, read_missing
from moor.engine.desired import desired_of
from moor.engine.findings import Expiry, Finding
from moor.engine.measurements import Measured
from moor.engine.observation import observation_of
from moor.engine.results import FindingResult
from moor.errors import HostError, merge_errors
from moor.lazy_imports import ssl, x509
from moor.pki.authority import utc_now
from moor.pki.pem import certificates_in, pem
from moor.pki.rules import subject_of
from moor.resources.base import Probed, Resource, State
from moor.settings import settings_of
from moor.tasks.expiry.inner_certificates import inner_places
from moor.tasks.facts import Registry, own_registry
from moor.tasks.harbor.config import CERTIFICATE
from moor.tasks.harbor.settings import HarborSettings
from moor.tasks.pki.given_ca import given_ca
from moor.tasks.pki.issue import ca_pem, issued_certificate
from moor.tasks.pki.own_certificate import (
    REISSUE,
    fault_lines,
    read_own_certificate,
    required_names,
    strictness_findings,
)
from moor.tasks.pki.rotation import is_issued_by_moor
from moor.tasks.pki.serving import read_served_certificate
from moor.tasks.pki.settings import Pki, ca_file_of
from moor.tasks.pki.shown_certificate import certificate_seen_by

ASK = "ask the team that runs the registry to renew it"
ASK_CA = (
    "ask the team that runs the registry for its next CA, and write it into the file of data.pki.ca beside this one; "
    "take this one out once the registry's certificate is from the next"
)
RENEW, RENEW_CA = "moor cert renew", "moor cert renew --ca"
REQUEST = "moor cert request"  # of a certificate of the user's own


@dataclass(frozen=True)
class CertificatesOnDisk(Probed):
    """The certificates in some files of a host; they are read, and never a difference.

    Attributes:
        places: files, or directories of files that end in .crt
    """

    places: tuple[str, ...]

    @property
    def id(self) -> str:
        return "certificates:disk"

    def desired(self, actual: State | None) -> State | None:
        return actual

    def probe(self) -> str:
        # a private key in the same file never leaves the host
        return f"""\
for p in {" ".join(map(quote, self.places))}; do
  for f in "$p" "$p"/*.crt; do
    [ -f "$f" ] || continue
    printf 'file %s\\n' "$f"
    sed -n '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' "$f"
  done
done"""

    def actual(self, output: str) -> State | None:
        parts = [part.partition("\n") for part in re.split(r"^file ", output, flags=re.MULTILINE)[1:]]
        return {name: content for name, _, content in parts}


def desired(host: Host) -> Sequence[Resource]:
    """Return the certificates to read on the registry's host; none on one that stands for it."""
    return [certificates_on_disk(host)] if host.has_parent_group("harbor") else []


def show_certificates(task: Task) -> Result:
    """Report when each certificate expires; nothing is changed."""
    resources, seen = desired_of(task, desired), observation_of(task.host)
    read_missing(task, resources, seen)
    report_findings(task, certificate_findings(task.host), certificate_expiries(task, seen.states))
    return converge(task, resources)


def certificate_findings(host: Host) -> Iterator[Finding]:
    """Yield why clients refuse a certificate that the user supplied; those that moor issues are not checked."""
    if not runs_registry(host):
        return
    settings, registry = settings_of(host, Pki), settings_of(host, Registry)
    if settings.certificate:
        if lines := fault_lines(settings, read_own_certificate(settings).faults(required_names(registry), utc_now())):
            yield Finding("certificate:refused", "\n".join(lines), REISSUE, host.name)
        else:
            yield from strictness_findings(host)


def certificates_on_disk(host: Host) -> CertificatesOnDisk:
    """Return the certificates that Harbor has on its disk."""
    harbor = settings_of(host, HarborSettings)
    own = CERTIFICATE if runs_registry(host) else f"{harbor.data_volume}/secret/cert/server.crt"
    return CertificatesOnDisk((own, *inner_places(harbor)))


def report_findings(task: Task, *sources: Iterator[Finding | Expiry | Measured]) -> None:
    """Report all findings; if a source fails, raise HostError after the others are reported."""
    troubles: list[HostError] = []
    for source in sources:
        try:
            task.results.extend(FindingResult(task.host, one) for one in source)
        except HostError as error:
            troubles.append(error)
    if troubles:
        raise merge_errors(troubles)


def certificate_expiries(task: Task, states: Mapping[str, State | None]) -> Iterator[Expiry]:
    """Yield when each certificate expires.

    Raises:
        HostError: the registry serves no certificate; raised after all others are yielded.
    """
    host, registry = task.host, own_registry(task.host)
    own = runs_registry(host)
    renewed = RENEW if is_issued_by_moor(host) else REQUEST
    inner = inner_places(settings_of(host, HarborSettings)) if own and states.get("certificates:disk") else {}
    for path, text in (states.get("certificates:disk") or {}).items():
        renewal = (inner.get(path) or inner.get(dirname(path)) or renewed) if own else ASK
        yield from earliest_expiry(f"certificate:{path}", f"{path} of {host.name}", str(text), host.name, renewal)
    if not own:
        yield from _given(host)
        what = f"the certificate of {registry.name}, which somebody else runs"
        yield from earliest_expiry("certificate:served", what, certificate_seen_by(task), "", ASK)
        return
    yield from _kept(host) if is_issued_by_moor(host) else brought_expiries(host)
    text = ssl.DER_cert_to_PEM_cert(read_served_certificate(registry))
    yield from earliest_expiry("certificate:served", f"the certificate of {registry.name}", text, "", renewed)


def _given(host: Host) -> Iterator[Expiry]:
    """Yield when each CA in the file of ``data.pki.ca`` expires; two stand in it while one replaces the other."""
    for number, certificate in enumerate(given_ca(host), 1):
        name = f"certificate:ca{f'-{number}' if number > 1 else ''}"
        what = f"the CA {subject_of(certificate)} in {ca_file_of(host)}"
        yield from earliest_expiry(name, what, pem(certificate), "", ASK_CA)


def brought_expiries(host: Host) -> Iterator[Expiry]:
    """Yield when the user's own certificate and CA expire, as the controller has them."""
    chain = "".join(map(pem, read_own_certificate(settings_of(host, Pki)).chain))
    what = "the registry's certificate, or one of its chain, as it was installed"
    yield from earliest_expiry("certificate:ca", "the CA", str(ca_pem(host)), "", REQUEST)
    yield from earliest_expiry("certificate:registry", what, chain, "", REQUEST)


def _kept(host: Host) -> Iterator[Expiry]:
    """Yield when the certificates that moor issued expire."""
    made = issued_certificate(host)
    succession = made.authority.succession
    for name, what, certificate, remedy in (
        ("ca", "the CA", succession.present.certificate(), RENEW_CA),
        ("ca-next", "the next CA, which signs once every host trusts it", succession.next.certificate(), RENEW),
        ("ca-former", "the former CA, still trusted", succession.former(), RENEW),
        ("registry", "the registry's certificate, as it was issued", made.kept.certificate(), RENEW),
    ):
        if certificate:
            yield from earliest_expiry(f"certificate:{name}", what, pem(certificate), "", remedy)


def earliest_expiry(name: str, what: str, text: str, host: str, remedy: str) -> list[Expiry]:
    """Return the earliest expiry among the certificates of a PEM text; empty if none can be parsed."""
    ends = []
    for block in certificates_in(text):
        try:
            ends.append(x509.load_pem_x509_certificate(block.encode()).not_valid_after_utc)
        except ValueError:
            continue
    return [Expiry(name, min(ends).isoformat(), what, host, remedy)] if ends else []
