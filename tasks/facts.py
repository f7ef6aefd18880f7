"""The registry's name, address and port, which most concerns use."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, ClassVar, Literal

from nornir.core.inventory import Host
from pydantic import AfterValidator, Field, IPvAnyAddress, model_validator

from moor.errors import FieldErrors
from moor.settings import Section, settings_of
from moor.settings.section import StrictModel

DNS_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
EXAMPLE_NAMES = ("reg.mydomain.com", "registry.example.com", "example.com")  # from Harbor's template and documentation


def check_host_name(name: str) -> str:
    """Return ``name`` if it is valid in DNS and in image references; raise ValueError otherwise."""
    if len(name) > 253 or not all(DNS_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("not a host name: lower-case letters, digits and hyphens, in labels parted by dots")
    return name


def check_full_name(name: str) -> str:
    """Return ``name`` if it is a fully qualified domain name; raise ValueError otherwise."""
    if re.fullmatch(r"[0-9.]+", name) or ":" in name:
        raise ValueError("an address; write the registry's name, since its certificate and every image are named by it")
    check_host_name(name)
    if "." not in name:
        raise ValueError(f"not a full name; write one with a domain, such as {name}.your-domain")
    if name in EXAMPLE_NAMES:
        raise ValueError("the name of an example; write the registry's own name")
    return name


HostName = Annotated[str, AfterValidator(check_host_name)]
FullName = Annotated[str, AfterValidator(check_full_name)]


Address = IPv4Address | IPv6Address


def in_use_by_hosts(address: Address) -> bool:
    """Return whether other hosts can reach an address of this kind."""
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local)


class Standby(StrictModel):
    """A second Harbor that holds what the first one does, and takes over its name by ``moor failover``.

    Attributes:
        host: its host in the inventory, in group ``harbor``
        address: where it listens
        address6: its IPv6 address; if and only if the first one has one
        deletions: whether what is deleted in the one that serves is deleted in the other too
        lag_minutes: how long the other one may lack an artifact before that is a finding
    """

    host: str
    address: IPvAnyAddress
    address6: IPv6Address | None = None
    deletions: bool = False
    lag_minutes: Annotated[int, Field(ge=1)] = 30

    @property
    def both(self) -> tuple[Address, IPv6Address | None]:
        """Return ``address`` and ``address6``."""
        return self.address, self.address6

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Return its addresses, ``address`` first."""
        return (self.address, *([self.address6] if self.address6 else []))


class Registry(Section):
    """Where the registry is.

    Certificate, names and image references are made from this.

    Attributes:
        name: full name, with a domain; images are named by it
        address: address by which the fleet reaches it, IPv4 or IPv6
        address6: its IPv6 address, where it has both: names and the certificate have both, ``moor verify`` tries both
        port: HTTPS port; another one than 443 becomes part of every image's name
        aliases: further names: in the certificate, and wherever names are held. The short name always is one
        api: ``distribution`` for a registry that is no Harbor, and that somebody else runs (docs/existing-registry.md)
        standby: a second Harbor that takes over by ``moor failover`` (docs/two-registries.md)
    """

    section: ClassVar[str] = "registry"
    of_own_registry: ClassVar[tuple[str, ...]] = ("standby",)

    name: FullName
    address: IPvAnyAddress
    address6: IPv6Address | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 443
    aliases: tuple[HostName, ...] = ()
    api: Literal["harbor", "distribution"] = "harbor"
    standby: Standby | None = None

    @model_validator(mode="after")
    def _usable(self) -> Registry:
        for address in self.every_address:
            if not in_use_by_hosts(address):
                raise ValueError(f"{address} is an address that other hosts cannot reach; write the registry's own")
        for first, second in ((self.address, self.address6), *([self.standby.both] if self.standby else [])):
            if second and first.version == 6:
                raise ValueError("address is of IPv6 itself; write the IPv4 one there, or leave address6 out")
        self._check_standby()
        return self

    def _check_standby(self) -> None:
        """Raise FieldErrors where the standby cannot take the registry's place."""
        if self.standby is None:
            return
        found = list[tuple[tuple[str, ...], str]]()
        if self.standby.address in self.addresses:
            found.append((("standby", "address"), "it is the first one's address; write the standby's own"))
        if [one.version for one in self.standby.addresses] != [one.version for one in self.addresses]:
            words = "it has other kinds of addresses than the first one, so that some hosts could not reach it"
            found.append((("standby",), words))
        if self.api != "harbor":
            found.append((("standby",), "moor fills it by Harbor's replication; drop it, or drop api: distribution"))
        if found:
            raise FieldErrors(found)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Return the addresses of the one that serves the name, ``address`` first."""
        return (self.address, *([self.address6] if self.address6 else []))

    @property
    def every_address(self) -> tuple[Address, ...]:
        """Return all addresses, the standby's too, in an order that a failover does not change."""
        every = (*self.addresses, *(self.standby.addresses if self.standby else ()))
        return tuple(sorted(every, key=lambda one: (one.version, int(one)))) if self.standby else every

    def served_by_standby(self, first: str) -> Registry:
        """Return these settings while the standby serves the name: the two have changed places.

        Args:
            first: the name of the first one's host
        """
        if self.standby is None:
            return self
        now, other = self.standby, {"host": first, "address": self.address, "address6": self.address6}
        moved = {"address": now.address, "address6": now.address6, "standby": now.model_copy(update=other)}
        return self.model_copy(update=moved)

    @property
    def host_port(self) -> str:
        """Return the registry as written in image references and certs.d: NAME, or NAME:PORT if PORT is not 443."""
        return self.name if self.port == 443 else f"{self.name}:{self.port}"

    @property
    def url(self) -> str:
        return f"https://{self.host_port}"

    @property
    def short_name(self) -> str:
        return self.name.partition(".")[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Return all names, the full one first, without repeats."""
        return tuple(dict.fromkeys((self.name, self.short_name, *self.aliases)))


def own_registry(host: Host) -> Registry:
    """Return the registry's settings with the addresses of the Harbor on this very host, whether it serves or not."""
    registry = settings_of(host, Registry)
    if registry.standby is None or registry.standby.host != host.name:
        return registry
    return registry.model_copy(
        update={"address": registry.standby.address, "address6": registry.standby.address6, "standby": None}
    )
