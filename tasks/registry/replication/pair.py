"""A registry and its standby: which is which, and what moor calls their replication in Harbor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nornir.core.filter import F
from nornir.core.inventory import Host

from moor.connections.apis.harbor import Harbor
from moor.context import context_of, serves_registry, site_of
from moor.settings import settings_of
from moor.tasks.facts import Registry, Standby, own_registry
from moor.tasks.harbor.api import login_for
from moor.tasks.pki.issue import trust_of
from moor.tasks.registry.replication.names import ROBOT
from moor.tasks.registry.robots import RobotSecret


def standby_of(host: Host) -> Standby | None:
    """Return the one of two registries that does not serve; None where there is one registry, or host has none."""
    pair = context_of(host).registry_pair
    return settings_of(host, Registry).standby if host.name in pair else None


def mirrors(host: Host) -> bool:
    """Return whether a host has the registry that serves, and that copies itself to the other one."""
    return standby_of(host) is not None and serves_registry(host)


class HasStandby(F):
    """The filter for the host of two registries that serves."""

    def __call__(self, host: Host) -> bool:
        return mirrors(host)

    def __repr__(self) -> str:
        return "<Filter (the registry's host that serves, where it has a standby)>"


class Paired(F):
    """The filter for the hosts of two registries."""

    def __call__(self, host: Host) -> bool:
        return standby_of(host) is not None

    def __repr__(self) -> str:
        return "<Filter (the hosts of two registries)>"


HAS_STANDBY, PAIRED = HasStandby(), Paired()


def receiver_secret(host: Host) -> RobotSecret:
    """Return where the password is by which each registry writes to the other."""
    return RobotSecret(site_of(host).state / "secrets" / f"robot-{ROBOT}")


@contextmanager
def harbor_at(host: Host) -> Iterator[Harbor]:
    """Yield a client of the registry on a host, as moor's own account; unlike ``harbor_of`` for any host of a pair."""
    registry = own_registry(host)
    harbor = Harbor(registry.name, str(registry.address), registry.port, login_for(host), trust_of(host))
    try:
        yield harbor
    finally:
        harbor.close()
