"""What a run knows: one typed value, kept with the inventory, so that a host, a task and Nornir all lead to it.

A field is either portable or local. Orders for a worker (``moor.workers.orders``) carry the portable ones; of the
local ones each process has its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

from nornir.core import Nornir
from nornir.core.inventory import Defaults, Host, Hosts, Inventory
from nornir.core.state import GlobalState
from nornir.core.task import Task

from moor.errors import InputError
from moor.settings.access import SiteSettings

KEY = "moor_context"  # in the data of the inventory's defaults; no section has an underscore in its name
IS_PORTABLE = "travels"  # in a field's metadata
PORTABLE, LOCAL = {IS_PORTABLE: True}, {IS_PORTABLE: False}


def new_run() -> str:
    """Return a name for a run; names sort by time."""
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
    """Which run to put back, by its name; with ``force`` also files that were changed since."""

    run: str
    force: bool = False


DESIRED_DEPENDS_ON = ("site", "addresses", "replaced")  # fields that what stages want of hosts depends on


@dataclass(frozen=True)
class RunContext:
    """What is known of a site and of the run that is under way there.

    Attributes:
        run: the run's name.
        command: the command that the user typed, such as ``cert renew``; empty outside of one.
        examining: nothing is changed and no stage waits for another, as in a drift check.
        mend_kinds: the kinds of resources that the run may mend; all where it is empty.
        replaced: fingerprints of the certificates that the run makes anew.
        rollback: what ``moor rollback`` puts back.
        diagnosis: what ``moor diagnose`` examines.
        taking_part: the names of the run's hosts.
        addresses: where the hosts of each group are reached, by name, whatever the run is limited to.
        joined: the names of hosts that only the cluster knows, and no file.
        site: the settings of the site; None where the inventory was not loaded from one.
        fleet: the whole inventory, whatever the run is limited to.
        role_faults: by concern, why its runs are refused: the inventory has no host for it, or too many.
        trouble: why the cluster's nodes are not known; empty where they are, or nobody asks.
        keep_connections: connections outlive the run, since the same hosts are asked again soon.
        desired: what stages want of hosts, by host and function (``moor.engine.desired``), until the run is over.
        answers: what concerns all hosts alike and was asked in this run (``moor.engine.asked_once``).
    """

    run: str = field(default_factory=new_run, metadata=PORTABLE)
    command: str = field(default="", metadata=PORTABLE)
    examining: bool = field(default=False, metadata=PORTABLE)
    mend_kinds: tuple[str, ...] = field(default=(), metadata=PORTABLE)
    replaced: frozenset[str] = field(default=frozenset(), metadata=PORTABLE)
    rollback: RollbackOrder | None = field(default=None, metadata=PORTABLE)
    diagnosis: DiagnosisScope = field(default=DiagnosisScope(), metadata=PORTABLE)
    taking_part: frozenset[str] = field(default=frozenset(), metadata=PORTABLE)
    addresses: Mapping[str, dict[str, str]] = field(default_factory=dict, metadata=PORTABLE)
    joined: frozenset[str] = field(default=frozenset(), metadata=PORTABLE)
    site: SiteSettings | None = field(default=None, metadata=LOCAL)
    fleet: Inventory | None = field(default=None, metadata=LOCAL)
    role_faults: Mapping[str, list[str]] = field(default_factory=dict, metadata=LOCAL)
    trouble: str = field(default="", metadata=LOCAL)
    keep_connections: bool = field(default=False, metadata=LOCAL)
    desired: dict[tuple[str, Any], Any] = field(default_factory=dict, compare=False, metadata=LOCAL)
    answers: dict[tuple[object, ...], Any] = field(default_factory=dict, compare=False, metadata=LOCAL)

    def changed(self, **changes: Any) -> RunContext:
        """Return the context with some fields changed; another run has other answers, other input other wishes."""
        if changes.get("run", self.run) != self.run:
            changes["answers"] = {}
        if any(getattr(self, name) != changes.get(name, getattr(self, name)) for name in DESIRED_DEPENDS_ON):
            changes["desired"] = {}
        return replace(self, **changes)

    def to_send(self) -> RunContext:
        """Return the portable fields alone: what an order for a worker carries."""
        return RunContext(**{name: getattr(self, name) for name, travels in portability_of().items() if travels})

    def joined_with(self, sent: RunContext) -> RunContext:
        """Return this process's context with the portable fields of ``sent``."""
        known = self.desired if sent.run == self.run else {}
        return replace(self, desired=known).changed(
            **{name: getattr(sent, name) for name, travels in portability_of().items() if travels}
        )


def portability_of(model: type[RunContext] = RunContext) -> dict[str, bool]:
    """Return by each field's name whether it travels to workers.

    Raises:
        TypeError: a field does not say.
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
    """Change fields of the context; return it as it is from now on."""
    context = _defaults(where).data[KEY] = context_of(where).changed(**changes)
    return context


def adopt_context(where: Nornir, sent: RunContext) -> None:
    """Go on with the portable fields of another process's context."""
    where.inventory.defaults.data[KEY] = context_of(where).joined_with(sent)


def fleet_of(where: Task | Nornir) -> Inventory:
    """Return the whole inventory, whatever the run is limited to."""
    nr = where.nornir if isinstance(where, Task) else where
    return context_of(nr).fleet or nr.inventory


def separate_nornir(nr: Nornir, *, dry_run: bool, **changes: Any) -> Nornir:
    """Return a Nornir over the same hosts and open connections with a state and a context of its own.

    Args:
        nr: what the hosts are taken from; it stays as it is.
        dry_run: whether the new one only plans.
        changes: fields of the context that differ.
    """
    fleet, old = fleet_of(nr), nr.inventory.defaults
    defaults = Defaults(
        old.hostname, old.port, old.username, old.password, old.platform, {**old.data}, old.connection_options
    )
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
    """Return the host over other defaults; data and connections are the same objects."""
    twin = Host(
        host.name,
        host.hostname,
        host.port,
        host.username,
        host.password,
        host.platform,
        host.groups,
        host.data,
        host.connection_options,
        defaults,
    )
    twin.connections = host.connections
    return twin


def _defaults(where: Host | Task | Nornir | Inventory) -> Defaults:
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
        raise InputError("the inventory was not loaded from a site; open it by moor.sites.opening.open_site")
    return site


def addresses_in(host: Host, group: str) -> dict[str, str] | None:
    """Return the addresses of all hosts of a group, by name, whatever a run is limited to; None for no such group."""
    return context_of(host).addresses.get(group)
