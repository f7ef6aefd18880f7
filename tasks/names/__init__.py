"""The names of the fleet, kept in every host's hosts file, in DNS, or in both.

This module has the settings and lists the names; ``hosts`` writes them to files, ``dnsmasq`` and ``records`` to DNS.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, ClassVar, Literal

from nornir.core.inventory import Host
from pydantic import Field, IPvAnyAddress, model_validator

from moor.errors import InputError
from moor.settings import SecretRef, Section, settings_of
from moor.settings.section import StrictModel
from moor.tasks.facts import HostName, Registry

Address = IPv4Address | IPv6Address
Addresses = tuple[Address, ...]
Algorithm = Literal["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
KeyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$", max_length=253)]


class Zone(StrictModel):
    """A DNS zone and its primary server.

    Attributes:
        server: address of the zone's primary
        port: its port, TCP
        manage: ``false`` if moor may not change the zone: it is checked, and differences are findings
        ttl: of the records, in seconds
        key: name of the TSIG key by which updates are signed
        algorithm: of the key: ``hmac-sha1``, ``-sha224``, ``-sha256``, ``-sha384``, ``-sha512``
        secret: the key itself in base64, as ``tsig-keygen`` prints it
    """

    server: IPvAnyAddress
    port: Annotated[int, Field(ge=1, le=65535)] = 53
    manage: bool = True
    ttl: Annotated[int, Field(ge=1, le=604800)] = 300
    key: KeyName | None = None
    algorithm: Algorithm = "hmac-sha256"
    secret: SecretRef | None = None

    @model_validator(mode="after")
    def _signed(self) -> Zone:
        if (self.key is None) != (self.secret is None):
            raise ValueError("key and secret belong together; write both, or neither")
        if self.manage and self.key is None:
            raise ValueError(
                "updates are signed; write key and secret, or manage: false if the zone is only to be checked"
            )
        return self


class Names(Section):
    """How hosts resolve the fleet's names: docs/names.md.

    Attributes:
        mode: ``hosts``: a block in ``/etc/hosts``; ``dns``: by the hosts' own nameservers alone; ``both``
        hosts: more names, each with its address
        zones: zones of DNS by name, for the modes ``dns`` and ``both``; every full name is in one of them
    """

    section: ClassVar[str] = "names"

    mode: Literal["hosts", "dns", "both"] = "hosts"
    hosts: dict[HostName, IPvAnyAddress] = Field(default_factory=dict)
    zones: dict[HostName, Zone] = Field(default_factory=dict)


def names_for(host: Host) -> dict[str, Addresses]:
    """Return the addresses of every name that the host must resolve, at most one per family, the registry's first.

    Raises:
        InputError: the inventory gives a name of the registry another address
    """
    registry, extra = settings_of(host, Registry), settings_of(host, Names).hosts
    if twice := [name for name in registry.names if name in extra]:
        raise InputError(
            f"{host.name}: data.names.hosts has {', '.join(twice)}, which is the registry's; "
            "its address is data.registry.address"
        )
    further = {name: (address,) for name, address in extra.items()}
    return {**dict.fromkeys(registry.names, registry.addresses), **further}


def full_names(names: Mapping[str, Addresses]) -> dict[str, Addresses]:
    """Return the names with a dot; DNS cannot hold short names, which depend on the search domain."""
    return {name: addresses for name, addresses in names.items() if "." in name}


def uses_dns(host: Host) -> bool:
    """Return whether DNS holds the host's names, alone or beside /etc/hosts."""
    return settings_of(host, Names).mode != "hosts"
