"""A new CA takes the place of the present one, and no pull fails meanwhile.

The next CA is made; every host comes to trust it beside the present one; then it signs the registry's certificate,
which is served; then nobody trusts the former one any longer. What is done is kept on the controller as files (see
``Succession``), so that a run goes on from wherever another one ended.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import change_context, context_of, fleet_of
from moor.engine.converge import converge
from moor.errors import HostError, InputError
from moor.pki.authority import described, fingerprint, make_authority, utc_now
from moor.pki.keystore import Succession, alone_in
from moor.pki.pem import pem
from moor.resources.base import Later, Remote, State
from moor.resources.certificate import CertificateAuthority
from moor.settings import settings_of
from moor.tasks.facts import Registry
from moor.tasks.pki.issue import issued_certificate
from moor.tasks.pki.serving import TIMEOUT_S
from moor.tasks.pki.settings import Pki

NO_CA = "(none)"


@dataclass(frozen=True)
class AuthorityStep(Remote):
    """One step from a CA to the next, on the controller."""

    authority: CertificateAuthority

    @property
    def name(self) -> str:
        return self.authority.names.dns[0]

    @property
    def succession(self) -> Succession:
        return self.authority.succession

    def read(self, task: Task) -> State:
        found = {"present": self.succession.present.certificate(), "next": self.succession.next.certificate()}
        certificates = {**found, "former": self.succession.former()}
        shown = {part: described(known) if known else NO_CA for part, known in certificates.items()}
        return {**shown, "replaced": "yes" if self.authority.due() else "no"}


def is_replacement_due(actual: State | None) -> bool:
    """Return whether somebody wants the present CA replaced and nothing was done yet."""
    return (actual or {}).get("replaced") == "yes"


@dataclass(frozen=True)
class NextAuthority(AuthorityStep):
    """Hold a next CA where somebody wants the present one replaced."""

    @property
    def id(self) -> str:
        return f"next-authority:{self.name}"

    def desired(self, actual: State | None) -> State:
        return {"next": Later("the next CA")} if is_replacement_due(actual) else {}

    def write(self, task: Task, actual: State | None) -> None:
        passphrase = self.authority.passphrase.resolve()
        with alone_in(self.authority.folder):
            if self.authority.due():
                pair = make_authority(self.authority.next_names, self.authority.validity.days, utc_now())
                self.succession.next.save(pair, passphrase)


@dataclass(frozen=True)
class PromotedAuthority(AuthorityStep):
    """Hold the next CA, where there is one, in the place of the present one: once every host trusts it."""

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
                f"{', '.join(doubtful)}: not known to trust the next CA, so the present one stays and nothing is lost; "
                "mend them, or take them out of the inventory, then run moor cert renew again, without --limit"
            )
        with alone_in(self.authority.folder):
            self.succession.promote()


@dataclass(frozen=True)
class RetiredAuthority(AuthorityStep):
    """Hold no former CA: once the registry shows a certificate of the present one."""

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
        with alone_in(self.authority.folder):
            self.succession.retire()


def unverified_hosts(task: Task) -> list[str]:
    """Name the hosts of the fleet that this run has not just seen to be as they should be."""
    taking_part = context_of(task).taking_part
    return sorted(set(fleet_of(task).hosts) - taking_part | task.nornir.data.failed_hosts)


def find_refusal(registry: Registry, ca: str) -> str:
    """Return why a client that trusts ``ca`` alone would not speak to the registry; empty where it would."""
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
    """Return whether certificates are made here; those of somebody else's making are rotated by their owner."""
    return settings_of(host, Pki).certificate is None


def find_replaced(host: Host, authority: bool) -> frozenset[str]:
    """Name by fingerprint what a run shall make anew; where a rotation is under way, only what is left of it.

    Raises:
        InputError: there is nothing that moor has made.
    """
    if not is_issued_by_moor(host):
        raise InputError(
            "cert renew: data.pki names a certificate of your own, which moor cannot renew; "
            "docs/certificates.md says how to replace it without an outage"
        )
    made = issued_certificate(host)
    succession = made.authority.succession
    present, own = succession.present.certificate(), made.kept.certificate()
    if present is None or own is None:
        raise InputError("cert renew: there is no certificate yet; moor apply makes it")
    following, former = succession.next.certificate(), succession.former()
    rotated = {fingerprint(present)} if authority and not (following or former) else set()
    return frozenset(rotated | ({fingerprint(own)} if following or not former else set()))


class Renewal:
    """What ``moor cert renew`` needs of the runbook ``rotation``."""

    def replace(self, nr: Nornir, host: Host, authority: bool) -> None:
        """Have the stages replace what ``find_replaced`` names; raises InputError."""
        change_context(nr, replaced=find_replaced(host, authority))


def make_next_ca(task: Task) -> Result:
    """Make the next CA where the present one is to be replaced."""
    return converge(
        task, [NextAuthority(issued_certificate(task.host).authority)] if is_issued_by_moor(task.host) else []
    )


def promote_ca(task: Task) -> Result:
    """Have the next CA sign from now on, once every host trusts it."""
    return converge(
        task, [PromotedAuthority(issued_certificate(task.host).authority)] if is_issued_by_moor(task.host) else []
    )


def retire_ca(task: Task) -> Result:
    """Let go of the former CA, once nothing that it signed is served."""
    registry = settings_of(task.host, Registry)
    return converge(
        task,
        [RetiredAuthority(issued_certificate(task.host).authority, registry)] if is_issued_by_moor(task.host) else [],
    )
