"""Which registry is asked about which image, and how it is reached."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

from nornir.core.inventory import Host
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.core.task import Task

from moor.connections.apis.harbor_login import ChangingLogin
from moor.connections.apis.registry_address import RegistryAddress, public_address
from moor.connections.apis.registry_api import RegistryApi
from moor.context import fleet_of, runs_registry
from moor.errors import HostError
from moor.run.runbook import REGISTRY
from moor.settings import optional_settings_of, settings_of
from moor.tasks.facts import Registry
from moor.tasks.harbor.api import login_for
from moor.tasks.image_reference import ImageReference
from moor.tasks.images_in_use.answers import Asked, with_manifest
from moor.tasks.images_in_use.ask import Question
from moor.tasks.images_in_use.settings import ImagesInUse
from moor.tasks.pki.issue import trust_of

if TYPE_CHECKING:
    from moor.connections.apis.harbor import Harbor

MIRRORS = "mirrors"  # the section; a site without it imports nothing of it
LOCAL = "it is each node's own, which this machine cannot reach"


@dataclass(frozen=True)
class Cache:
    """A project of the fleet's registry that caches another one.

    Attributes:
        fallback: nodes ask the registry itself where the cache has no image
    """

    project: str
    fallback: bool = False


@dataclass
class Registries:
    """The registries of a fleet.

    Attributes:
        own: the fleet's; None if the inventory has none
        harbor: its client by moor's account; None without an account
        names: with which images name it
        caches: of other registries, by their names
    """

    settings: ImagesInUse
    own: RegistryAddress | None = None
    harbor: Harbor | None = None
    names: frozenset[str] = frozenset()
    caches: Mapping[str, Cache] = field(default_factory=dict)

    def is_own(self, image: ImageReference) -> bool:
        """Return whether an image is in the fleet's own registry."""
        return image.registry in self.names

    def unasked(self, registry: str) -> str:
        """Return why a registry cannot be asked at all; empty if it can."""
        host = registry.rpartition(":")[0] if ":" in registry else registry
        return LOCAL if host == "localhost" or _is_loopback(host) else ""

    def own_view(self, question: Question) -> Asked | None:
        """Ask the fleet's registry by moor's own account, which sees what no pull secret may."""
        if self.harbor is None:
            return None
        try:
            found = self.harbor.manifest(question.repository, question.image.reference)
        except HostError as error:
            return Asked("unknown", why=str(error))
        if found is None:
            return Asked("missing")
        return with_manifest(Asked("there", found[0]), json.dumps(found[1]).encode())


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def registries_of(task: Task, opened: ExitStack) -> Registries:
    """Return the registries of the task's fleet; what is opened for it is closed with ``opened``."""
    host = task.host
    settings, registry = settings_of(host, ImagesInUse), optional_settings_of(host, Registry)
    if registry is None:
        return Registries(settings)
    asking = next((one for one in fleet_of(task).hosts.values() if REGISTRY(one)), host)
    login = login_for(asking)
    harbor = _open(registry, asking, login)
    opened.callback(harbor.close)
    own = replace(harbor.address, takes_basic=registry.api == "harbor")
    port = "" if registry.port == 443 else f":{registry.port}"
    names = frozenset(f"{name}{port}" for name in registry.names)
    # What an account of somebody else's Harbor does not see may be there all the same.
    sees_all = login is not None and runs_registry(host)
    return Registries(settings, own, harbor if sees_all else None, names, caches_of(host))


def _open(registry: Registry, asking: Host, login: tuple[str, str] | ChangingLogin | None) -> Harbor:
    plugin = ConnectionPluginRegister.get_plugin("harbor")()
    user, password = login if isinstance(login, tuple) else (None, None)
    changing = login if isinstance(login, ChangingLogin) else None
    extras = {"name": registry.name, "trust": trust_of(asking), "own": runs_registry(asking), "changing": changing}
    plugin.open(str(registry.address), user, password, registry.port, None, extras)
    harbor: Harbor = plugin.connection
    return harbor


def caches_of(host: Host) -> dict[str, Cache]:
    """Return the caches of other registries that the inventory has, by their names."""
    if MIRRORS not in host.data:
        return {}
    from moor.tasks.mirrors.settings import mirrors_of, project_of

    known = (mirrors_of(host) or {}).items()
    return {name: Cache(project_of(name, mirror), mirror.fallback) for name, mirror in known}


class OpenApis:
    """The clients of the registries that are asked, each opened once."""

    def __init__(self, opened: ExitStack) -> None:
        self._opened = opened
        self._known: dict[str, RegistryApi] = {}

    def of(self, address: RegistryAddress) -> RegistryApi:
        """Return the client for an address."""
        if address.host not in self._known:
            self._known[address.host] = api = RegistryApi(address)
            self._opened.callback(api.close)
        return self._known[address.host]

    def public(self, registry: str) -> RegistryApi:
        """Return the client of a registry at its own name."""
        return self.of(public_address(registry))
