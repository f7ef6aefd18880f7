"""Rotation of the CA: a new CA replaces the present one without a failed pull.

The steps: make the next CA; have every host trust it beside the present one; sign the registry's certificate with it
and serve that; remove the former CA from all hosts. The progress is kept in files on the controller (``CaFiles``),
so a run continues where an earlier one stopped.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import change_context, context_of, fleet_of, runs_registry
from moor.engine.converge import converge
from moor.errors import HostError, InputError
from moor.lazy_imports import ssl
from moor.pki.authority import describe_certificate, fingerprint, make_authority, utc_now
from moor.pki.keystore import CaFiles, lock_folder
from moor.pki.pem import pem
from moor.resources.base import Later, Remote, State
from moor.resources.certificate import CertificateAuthority
from moor.settings import settings_of
from moor.tasks.facts import Registry, own_registry
from moor.tasks.pki.issue import issued_certificate
from moor.tasks.pki.serving import TIMEOUT_S
from moor.tasks.pki.settings import Pki

NO_CA = "(none)"


@dataclass(frozen=True)
class AuthorityStep(Remote):
    """One step of a rotation, on the controller."""

    authority: CertificateAuthority

    @property
    def name(self) -> str:
        return self.authority.names.dns[0]

    @property
    def succession(self) -> CaFiles:
        return self.authority.succession

    def read(self, task: Task) -> State:
        found = {"present": self.succession.present.certificate(), "next": self.succession.next.certificate()}
        certificates = {**found, "former": self.succession.former()}
        shown = {part: describe_certificate(known) if known else NO_CA for part, known in certificates.items()}
        return {**shown, "replaced": "yes" if self.authority.due() else "no"}


def is_replacement_due(actual: State | None) -> bool:
    """Return whether the user asked to replace the present CA and no step was taken yet."""
    return (actual or {}).get("replaced") == "yes"


@dataclass(frozen=True)
class NextAuthority(AuthorityStep):
    """The next CA, made when the user asked to replace the present one."""

    @property
    def id(self) -> str:
        return f"next-authority:{self.name}"

    def desired(self, actual: State | None) -> State:
        return {"next": Later("the next CA")} if is_replacement_due(actual) else {}

    def write(self, task: Task, actual: State | None) -> None:
        passphrase = self.authority.passphrase.resolve()
        with lock_folder(self.authority.folder):
            if self.authority.due():
                pair = make_authority(self.authority.next_names, self.authority.validity.days, utc_now())
                self.succession.next.save(pair, passphrase)


@dataclass(frozen=True)
class PromotedAuthority(AuthorityStep):
    """The next CA in the place of the present one, once every host trusts it."""

    @property
    def id(self) -> str:
        return f"authority-in-turn:{self.name}"

    def desired(self, actual: State | None) -> State:
        if is_replacement_due(actual):
            return {"present": Later("the next CA")}
        following = str((actual or {}).get("next", NO_CA))
        return {} if following == NO_CA else {"present": following, "next": NO_CA}

    def write(self, task: Task, actual: State | None) -> None:
        if doubtful := unverified_hosts(task):
            raise HostError(
                f"{', '.join(doubtful)}: not known to trust the next CA, so the present one stays in use; "
                "mend them, or take them out of the inventory, then run moor cert renew again, without --limit"
            )
        with lock_folder(self.authority.folder):
            self.succession.promote()


@dataclass(frozen=True)
class RetiredAuthority(AuthorityStep):
    """The absence of a former CA, once the registry serves a certificate of the present one."""

    registry: Registry

    @property
    def id(self) -> str:
        return f"former-authority:{self.name}"

    def desired(self, actual: State | None) -> State:
        return {"former": NO_CA}

    def write(self, task: Task, actual: State | None) -> None:
        present = self.succession.present.certificate()
        if present is None:
            raise HostError(f"there is no CA in {self.authority.folder}; run again")
        if refused := find_refusal(self.registry, pem(present)):
            raise HostError(
                f"{self.id}: it stays trusted, since the registry shows no certificate of the present CA: {refused}; "
                "look at moor plan harbor, then run moor cert renew again"
            )
        with lock_folder(self.authority.folder):
            self.succession.retire()


def unverified_hosts(task: Task) -> list[str]:
    """Return the names of the fleet's hosts that this run did not find or bring to their desired state."""
    taking_part = context_of(task).taking_part
    return sorted(set(fleet_of(task).hosts) - taking_part | task.nornir.data.failed_hosts)


def find_refusal(registry: Registry, ca: str) -> str:
    """Return why a client that trusts only ``ca`` refuses the registry's certificate; empty if it accepts it."""
    trust = ssl.create_default_context(cadata=ca)
    try:
        with (
            socket.create_connection((str(registry.address), registry.port), TIMEOUT_S) as plain,
            trust.wrap_socket(plain, server_hostname=registry.name),
        ):
            return ""
    except OSError as error:
        return str(error)


def is_issued_by_moor(host: Host) -> bool:
    """Return whether moor issues the certificates; the user, or who runs the registry, rotates others."""
    return runs_registry(host) and settings_of(host, Pki).certificate is None


def find_replaced(host: Host, authority: bool) -> frozenset[str]:
    """Return the fingerprints of the certificates to replace; during a rotation, only those not replaced yet.

    Args:
        authority: replace the CA too

    Raises:
        InputError: the certificate is the user's own, or none was issued yet.
    """
    if not runs_registry(host):
        raise InputError(
            f"cert renew: somebody else runs {settings_of(host, Registry).host_port}, and renews its certificate and "
            "CA; ask that team, and write a new CA into the file of data.pki.ca, beside the present one until it is "
            "gone (docs/existing-registry.md)"
        )
    if not is_issued_by_moor(host):
        raise InputError(
            "cert renew: data.pki names a certificate of your own, which moor cannot renew; moor cert request makes a "
            "request for your CA, and moor cert install takes its answer (docs/certificates.md)"
        )
    issued = issued_certificate(host)
    succession = issued.authority.succession
    present, leaf = succession.present.certificate(), issued.kept.certificate()
    if present is None or leaf is None:
        raise InputError("cert renew: there is no certificate yet; moor apply makes it")
    following, former = succession.next.certificate(), succession.former()
    rotated = {fingerprint(present)} if authority and not (following or former) else set()
    return frozenset(rotated | ({fingerprint(leaf)} if following or not former else set()))


class Renewal:
    """The part of the runbook ``rotation`` that ``moor cert renew`` calls."""

    def replace(self, nr: Nornir, host: Host, authority: bool) -> None:
        """Have the run's stages replace the certificates of ``find_replaced``; raise InputError if it does."""
        change_context(nr, replaced=find_replaced(host, authority))


def make_next_ca(task: Task) -> Result:
    """Make the next CA if the user asked to replace the present one."""
    return converge(
        task, [NextAuthority(issued_certificate(task.host).authority)] if is_issued_by_moor(task.host) else []
    )


def promote_ca(task: Task) -> Result:
    """Make the next CA the present one, which signs certificates, once every host trusts it."""
    return converge(
        task, [PromotedAuthority(issued_certificate(task.host).authority)] if is_issued_by_moor(task.host) else []
    )


def retire_ca(task: Task) -> Result:
    """Remove the former CA once the registry serves no certificate that it signed."""
    registry = own_registry(task.host)
    return converge(
        task,
        [RetiredAuthority(issued_certificate(task.host).authority, registry)] if is_issued_by_moor(task.host) else [],
    )
