"""The certificate that a registry of somebody else's shows to its clients, and whether they accept it."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from shlex import quote

from nornir.core.inventory import Host
from nornir.core.task import Task

from moor.connections.names import SHELL, connection_of
from moor.context import context_of, runs_registry
from moor.engine.asked_once import ask_once
from moor.engine.asking import shell_of
from moor.errors import ErrorKind, HostError
from moor.lazy_imports import x509
from moor.pki.pem import certificates_in
from moor.pki.rules import subject_of
from moor.settings import settings_of
from moor.tasks.facts import Registry
from moor.tasks.pki.given_ca import given_ca
from moor.tasks.pki.issue import trust_of
from moor.tasks.pki.serving import TIMEOUT_S, read_served_certificate
from moor.tasks.pki.settings import ca_file_of

PUBLIC = "its hosts' own CAs, since data.pki.ca names none"
ISSUER_UNKNOWN = (2, 18, 19, 20, 21)  # x509_vfy.h: no issuer found, or a root that is not trusted
# A client that trusts nobody still prints the certificates that it is shown.
SHOWN_S = 10


@dataclass(frozen=True)
class ShownCertificate:
    """What a client of the registry is shown.

    Attributes:
        pem: the server's certificate; empty if the controller does not reach the registry
        trouble: why the controller does not reach it
        refusal: why a client that trusts the CA of the inventory refuses it; empty if it accepts it
    """

    pem: str = ""
    trouble: str = ""
    refusal: str = ""


def shown_certificate_of(task: Task) -> ShownCertificate:
    """Return the certificate that the registry shows the controller; it is asked once a run."""
    return ask_once(task, ("shown certificate",), lambda: _shown(task.host))


def _shown(host: Host) -> ShownCertificate:
    registry = settings_of(host, Registry)
    try:
        pem = ssl.DER_cert_to_PEM_cert(read_served_certificate(registry))
        refusal = _refusal(host, registry)
    except (OSError, HostError) as error:
        return ShownCertificate(trouble=str(error).removeprefix("certificate:served: "))
    return ShownCertificate(pem, refusal=_explained(host, pem, refusal) if refusal else "")


def _refusal(host: Host, registry: Registry) -> ssl.SSLCertVerificationError | None:
    try:
        with (
            socket.create_connection((str(registry.address), registry.port), TIMEOUT_S) as plain,
            trust_of(host).wrap_socket(plain, server_hostname=registry.name),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return error


def _explained(host: Host, pem: str, error: ssl.SSLCertVerificationError) -> str:
    """Return why the certificate is refused, with the names of both sides."""
    registry, path = settings_of(host, Registry), ca_file_of(host)
    served = x509.load_pem_x509_certificate(pem.encode())
    issuer = served.issuer.rfc4514_string()
    shown = f"{registry.host_port} at {registry.address} shows {subject_of(served)}, issued by {issuer}"
    if error.verify_code in ISSUER_UNKNOWN:
        named = f"{path}: {', '.join(map(subject_of, given_ca(host)))}" if path else PUBLIC
        mend = "write the CA that issued it into that file" if path else "write the CA's file as data.pki.ca"
        return f"{shown}; clients would trust {named}, which did not issue it; {mend}, as its team gives it to you"
    return f"{shown}: {error.verify_message}; ask the team that runs the registry to renew it"


def certificate_seen_by(task: Task) -> str:
    """Return the registry's certificate as the controller is shown it, else as the host is; PEM.

    Raises:
        HostError: the registry shows neither of them one
    """
    found = shown_certificate_of(task)
    if found.pem:
        return found.pem
    registry = settings_of(task.host, Registry)
    if connection_of(task.host) != SHELL:
        raise HostError(f"{registry.host_port} shows no certificate: {found.trouble}")
    place = f"[{registry.address}]" if registry.address.version == 6 else str(registry.address)
    name, where = quote(registry.name), quote(f"{place}:{registry.port}")
    script = f"timeout {SHOWN_S} openssl s_client -connect {where} -servername {name} </dev/null 2>/dev/null || :\n"
    seen = certificates_in(shell_of(task).run(script).stdout.decode("utf-8", "replace"))
    if not seen:
        raise HostError(f"{registry.host_port} shows no certificate, to {task.host.name} neither: {found.trouble}")
    return seen[0]


def refuse_other_ca(task: Task) -> None:
    """Check that the CA that hosts are about to trust issued what the registry shows, where somebody else runs it.

    A drift check goes on, since it finds the same for each node.

    Raises:
        HostError: clients would refuse the registry's certificate
    """
    if runs_registry(task.host) or context_of(task).examining:
        return
    if refusal := shown_certificate_of(task).refusal:
        raise HostError(refusal, ErrorKind.CERTIFICATE)
