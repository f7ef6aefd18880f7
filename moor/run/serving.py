"""The move of the registry's name from one of two hosts to the other, in the settings of a fleet that is open."""

from __future__ import annotations

from typing import Any

from nornir.core import Nornir

from moor.context import change_context, context_of, fleet_of, site_of
from moor.errors import InputError
from moor.settings.active import ActiveFile, ActiveRegistry
from moor.settings.document import InputFaults
from moor.settings.roles import REGISTRY


def read_active(nr: Nornir) -> ActiveRegistry:
    """Return what the site's file says of the registry that serves."""
    site, faults = site_of(nr), InputFaults()
    found, _ = ActiveFile.of(site.active, site.directory).read(faults)
    faults.raise_if_any()
    return found


def choose_host(nr: Nornir, named: str, back: bool) -> str:
    """Return the host that is to serve the registry's name.

    Args:
        named: the host that the user named; empty for the one that a failover under way moves to, else the other one
        back: the first one, which is the registry's own host

    Raises:
        InputError: there is no standby, or the named host is none of the two
    """
    pair, serving = context_of(nr).registry_pair, context_of(nr).serving_host
    if not pair:
        raise InputError(
            "failover: the inventory has one registry; write the second one's host and address below "
            "data.registry.standby (docs/two-registries.md)"
        )
    if named and back:
        raise InputError("failover: a host and --back say the same in two ways; leave one out")
    if named and named not in pair:
        raise InputError(f"failover: {named} is no host with a registry; name {' or '.join(pair)}")
    other = next(name for name in pair if name != serving)
    return pair[0] if back else named or read_active(nr).moving_to or other


def serve_from(nr: Nornir, host: str) -> None:
    """Let ``host`` serve the registry's name in the settings of all hosts; nothing is written."""
    serving = context_of(nr).serving_host
    if host == serving:
        return
    moved: dict[int, Any] = {}
    for one in fleet_of(nr).hosts.values():
        found = one.data.get(REGISTRY)
        if found is not None:
            moved.setdefault(id(found), found.served_by_standby(serving))
            one.data[REGISTRY] = moved[id(found)]
    change_context(nr, serving_host=host)
