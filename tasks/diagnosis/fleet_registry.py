"""The registry of the inventory, with the images and workloads of the fleet."""

from __future__ import annotations

from collections.abc import Iterable

from nornir.core.inventory import Host

from moor.context import runs_registry
from moor.settings import optional_settings_of, settings_of
from moor.tasks.diagnosis.messages.fields import FleetRegistry
from moor.tasks.facts import Registry
from moor.tasks.harbor.api import api_login_of
from moor.tasks.images.settings import Images
from moor.tasks.workload.settings import Workloads


def fleet_registry_of(hosts: Iterable[Host]) -> FleetRegistry:
    """Return the registry of the hosts' inventory, from the first host that has the section ``registry``."""
    known = list(hosts)
    member = next((host for host in known if optional_settings_of(host, Registry)), None)
    if member is None:
        return FleetRegistry()
    registry, own = settings_of(member, Registry), runs_registry(member)
    images, workloads = set[str](), dict[str, str]()
    for host in known:
        if brought := optional_settings_of(host, Images):
            images.update(brought.by_name)
        if section := optional_settings_of(host, Workloads):
            workloads.update({workload.image: name for name, workload in section.by_name.items() if workload.image})
    names = frozenset(name.lower() for name in registry.names)
    return FleetRegistry(
        registry.host_port,
        names,
        frozenset(map(str, registry.addresses)),
        frozenset(images),
        workloads,
        own,
        own or api_login_of(member) is not None,
    )
