"""The run context: one typed value that a host, a task and Nornir all lead to, since it is kept with the inventory.

Each field is portable or local. Orders for workers (``moor.workers.orders``) carry the portable fields; each process
has its own local ones.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from nornir.core import Nornir
from nornir.core.inventory import Defaults, Host, Hosts, Inventory
from nornir.core.state import GlobalState
from nornir.core.task import Task

from moor.choice import ALL, Choice
from moor.errors import InputError
from moor.known_configurations import KnownConfigurations
from moor.settings.access import SiteSettings

KEY = "moor_context"  # in the data of the inventory's defaults; names of sections have no underscore
IS_PORTABLE = "travels"  # a key of a field's metadata
PORTABLE, LOCAL = {IS_PORTABLE: True}, {IS_PORTABLE: False}


def new_run() -> str:
    """Return a name for a new run; names sort by time."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


@dataclass(frozen=True)
class DiagnosisScope:
    """What a diagnosis examines.

    Attributes:
        pull: whether each node really pulls the image.
        namespaces: of the cluster; empty for those of the inventory's workloads, ``*`` for all.
        deployment: the only one to examine; empty for all.
        own_login: log in by the pods' own pull secrets; otherwise by the inventory's robot.
    """

    pull: bool = False
    namespaces: tuple[str, ...] = ()
    deployment: str = ""
    own_login: bool = True


@dataclass(frozen=True)
class RollbackOrder:
    """The run to roll back; with ``force``, also files that were changed since."""

    run: str
    force: bool = False


@dataclass(frozen=True)
class RetirementOrder:
    """What ``moor remove`` and ``moor offboard`` take away.

    Attributes:
        concerns: those of which it takes away what they left; none for all of a host that ``leaves``.
        leaves: whether the host leaves the fleet.
        written: by the id of a resource behind an API, the diff of its last change that history knows.
        written_on: by host, the ids of resources of remembered kinds that history knows to have been changed there.
    """

    concerns: tuple[str, ...] = ()
    leaves: bool = False
    written: Mapping[str, str] = field(default_factory=dict)
    written_on: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class BackupOrder:
    """The backup to restore or to rehearse; with ``over``, what the registry holds now may be lost."""

    name: str
    over: bool = False


@dataclass(frozen=True)
class CommandOrder:
    """What ``moor run`` runs on each host.

    Attributes:
        words: the command as typed; the file's name where a script is run.
        script: the content of the script file; empty for a command.
        timeout_s: after it, the command counts as failed and is ended.
        as_root: whether it runs by sudo, or as the login user.
    """

    words: str
    script: str = ""
    timeout_s: int = 60
    as_root: bool = False


@dataclass(frozen=True)
class HoldOrder:
    """What ``moor hold`` or ``moor release`` does on each host.

    Attributes:
        id: of the resource, or a pattern; ``*`` for the whole host, and for a release every hold on it.
        until: the last day, ISO 8601; empty for a release, and for a look at what is held.
        reason: why; empty likewise.
        releases: whether holds are to be removed.
    """

    id: str = "*"
    until: str = ""
    reason: str = ""
    releases: bool = False


# The fields on which desired state depends.
DESIRED_DEPENDS_ON = ("site", "addresses", "replaced", "runs_registry", "serving_host", "retirement")


@dataclass(frozen=True)
class RunContext:
    """What a run knows about its site and itself.

    Attributes:
        run: the run's name.
        command: the command that the user typed, such as ``cert renew``; empty in a script.
        examining: a check that changes nothing, in which no stage waits for another.
        choice: the resources that the run may change.
        grace_over: former logins of robots are revoked as soon as every node has proved the present one.
        replaced: fingerprints of the certificates, and generations of the robots, that the run replaces.
        rollback: the run that ``moor rollback`` puts back.
        retirement: what ``moor remove`` and ``moor offboard`` take away.
        diagnosis: what ``moor diagnose`` examines.
        taking_part: names of the run's hosts.
        addresses: addresses of the hosts of each group, by name, including hosts outside the run's limit.
        joined: names of hosts that come from the cluster and are in no file.
        runs_registry: whether moor runs the registry; if not, somebody else does, and moor only uses it.
        registry_host: the host for which the controller asks the registry; empty for the hosts of group harbor.
        images_of: the namespace whose images ``moor images`` examines; empty for all.
        backup: the backup that ``moor restore`` puts back, or ``moor backup check`` rehearses.
        command_order: what ``moor run`` runs.
        hold_order: what ``moor hold`` or ``moor release`` does.
        registry_pair: the hosts of two registries, the first one's before the standby's; empty if there is one.
        serving_host: the one of ``registry_pair`` that serves the registry's name; empty if there is one.
        fingerprint_key: keys the fingerprints of changes (``moor.engine.fingerprints``); empty if none are wanted.
        known_configurations: of devices: what history kept last, and what they had printed.
        approved: by host, the ids of the resources that the run may change; None if it may change all.
        site: the site's settings; None if the inventory was not loaded from a site.
        fleet: the whole inventory, including hosts outside the run's limit.
        role_faults: by concern, why its runs are refused: the inventory has no host for it, or too many.
        trouble: why the cluster's nodes could not be read; empty if they were, or need not be.
        keep_connections: connections stay open after the run, since the next one follows soon.
        desired: desired state by host and function (``moor.engine.desired``), until the run ends.
        answers: answers that hold for all hosts, asked once a run (``moor.engine.asked_once``).
    """

    run: str = field(default_factory=new_run, metadata=PORTABLE)
    command: str = field(default="", metadata=PORTABLE)
    examining: bool = field(default=False, metadata=PORTABLE)
    choice: Choice = field(default=ALL, metadata=PORTABLE)
    replaced: frozenset[str] = field(default=frozenset(), metadata=PORTABLE)
    rollback: RollbackOrder | None = field(default=None, metadata=PORTABLE)
    diagnosis: DiagnosisScope = field(default=DiagnosisScope(), metadata=PORTABLE)
    taking_part: frozenset[str] = field(default=frozenset(), metadata=PORTABLE)
    addresses: Mapping[str, dict[str, str]] = field(default_factory=dict, metadata=PORTABLE)
    joined: frozenset[str] = field(default=frozenset(), metadata=PORTABLE)
    runs_registry: bool = field(default=True, metadata=PORTABLE)
    registry_host: str = field(default="", metadata=PORTABLE)
    images_of: str = field(default="", metadata=PORTABLE)
    backup: BackupOrder | None = field(default=None, metadata=PORTABLE)
    hold_order: HoldOrder | None = field(default=None, metadata=PORTABLE)
    command_order: CommandOrder | None = field(default=None, metadata=PORTABLE)
    registry_pair: tuple[str, ...] = field(default=(), metadata=PORTABLE)
    serving_host: str = field(default="", metadata=PORTABLE)
    retirement: RetirementOrder | None = field(default=None, metadata=PORTABLE)
    grace_over: bool = field(default=False, metadata=PORTABLE)
    fingerprint_key: str = field(default="", repr=False, metadata=PORTABLE)
    known_configurations: KnownConfigurations = field(default=KnownConfigurations(), repr=False, metadata=PORTABLE)
    approved: Mapping[str, frozenset[str]] | None = field(default=None, repr=False, metadata=PORTABLE)
    site: SiteSettings | None = field(default=None, metadata=LOCAL)
    fleet: Inventory | None = field(default=None, metadata=LOCAL)
    role_faults: Mapping[str, list[str]] = field(default_factory=dict, metadata=LOCAL)
    trouble: str = field(default="", metadata=LOCAL)
    keep_connections: bool = field(default=False, metadata=LOCAL)
    desired: dict[tuple[str, Any], Any] = field(default_factory=dict, compare=False, metadata=LOCAL)
    answers: dict[tuple[object, ...], Any] = field(default_factory=dict, compare=False, metadata=LOCAL)

    def changed(self, **changes: Any) -> RunContext:
        """Return the context with some fields changed; drop answers and desired state that no longer hold."""
        if changes.get("run", self.run) != self.run:
            changes["answers"] = {}
        if any(getattr(self, name) != changes.get(name, getattr(self, name)) for name in DESIRED_DEPENDS_ON):
            changes["desired"] = {}
        return replace(self, **changes)

    def to_send(self) -> RunContext:
        """Return a context with the portable fields alone, for an order to a worker."""
        return RunContext(**{name: getattr(self, name) for name, travels in portability_of().items() if travels})

    def joined_with(self, sent: RunContext) -> RunContext:
        """Return this process's context with the portable fields of ``sent``."""
        known = self.desired if sent.run == self.run else {}
        return replace(self, desired=known).changed(
            **{name: getattr(sent, name) for name, travels in portability_of().items() if travels}
        )


def portability_of(model: type[RunContext] = RunContext) -> dict[str, bool]:
    """Return for each field whether it is portable.

    Args:
        model: the class of the context.

    Raises:
        TypeError: a field declares neither.
    """
    found = {part.name: part.metadata.get(IS_PORTABLE) for part in fields(model)}
    if silent := [name for name, travels in found.items() if travels is None]:
        raise TypeError(f"{model.__name__}.{', '.join(silent)}: declare it PORTABLE or LOCAL")
    return {name: bool(travels) for name, travels in found.items()}


def context_of(where: Host | Task | Nornir | Inventory) -> RunContext:
    """Return the context of the run that a host, a task or Nornir belongs to."""
    data = _defaults(where).data
    if KEY not in data:
        data[KEY] = RunContext()
    found: RunContext = data[KEY]
    return found


def change_context(where: Host | Task | Nornir | Inventory, **changes: Any) -> RunContext:
    """Change fields of the context that ``where`` leads to, and return the new context."""
    context = _defaults(where).data[KEY] = context_of(where).changed(**changes)
    return context


def adopt_context(where: Nornir, sent: RunContext) -> None:
    """Replace the portable fields by those of another process's context."""
    where.inventory.defaults.data[KEY] = context_of(where).joined_with(sent)


def fleet_of(where: Task | Nornir) -> Inventory:
    """Return the whole inventory, including hosts outside the run's limit."""
    nr = where.nornir if isinstance(where, Task) else where
    return context_of(nr).fleet or nr.inventory


def separate_nornir(nr: Nornir, *, dry_run: bool, **changes: Any) -> Nornir:
    """Return a second Nornir over the same hosts and open connections, with its own state and context.

    Args:
        nr: the first Nornir, which stays unchanged.
        dry_run: whether the second only plans.
        changes: the fields of the context that differ.
    """
    fleet, defaults = fleet_of(nr), copy(nr.inventory.defaults)
    defaults.data = {**defaults.data}
    whole = Inventory(
        Hosts({name: _over(host, defaults) for name, host in fleet.hosts.items()}), fleet.groups, defaults
    )
    change_context(whole, fleet=whole, desired={}, **changes)
    hosts = Hosts({name: whole.hosts[name] for name in nr.inventory.hosts})
    return Nornir(
        inventory=Inventory(hosts, whole.groups, defaults),
        config=nr.config,
        data=GlobalState(dry_run=dry_run),
        processors=nr.processors,
        runner=nr.runner,
    )


def _over(host: Host, defaults: Defaults) -> Host:
    """Return a host with other defaults that shares data and connections with ``host``."""
    twin = copy(host)
    twin.defaults = defaults
    return twin


def _defaults(where: Host | Task | Nornir | Inventory) -> Defaults:
    if isinstance(where, Host):
        return where.defaults
    if isinstance(where, Task):
        where = where.nornir
    if isinstance(where, Nornir):
        where = where.inventory
    return where.defaults


def site_of(where: Host | Nornir) -> SiteSettings:
    """Return the settings of the site that the inventory belongs to.

    Raises:
        InputError: the inventory was not loaded from a site.
    """
    site = context_of(where).site
    if site is None:
        raise InputError("the inventory was not loaded from a site; open it by open_site of moor or moor.api")
    return site


def runs_registry(host: Host) -> bool:
    """Return whether moor runs the registry that the host uses; if not, somebody else does."""
    return context_of(host).runs_registry


def serves_registry(host: Host) -> bool:
    """Return whether a host of group harbor serves the registry's name: the only one does, and one of two."""
    return context_of(host).serving_host in ("", host.name)


def addresses_in(host: Host, group: str) -> dict[str, str] | None:
    """Return the addresses of all hosts of a group, also those outside the run's limit; None for no such group."""
    return context_of(host).addresses.get(group)
