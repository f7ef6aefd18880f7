"""The registry's name, address and port, which most concerns use."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, IPvAnyAddress, model_validator

from moor.settings import Section

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


class Registry(Section):
    """The registry's names, addresses and port.

    Attributes:
        name: its fully qualified name, with which image references begin
        address: its address in the fleet, IPv4 or IPv6
        address6: its IPv6 address, if ``address`` is its IPv4 one: names resolve to both, and verify tries both
        aliases: more names in its certificate, which resolve to it too
        api: ``harbor``, or ``distribution`` for any other registry, which has no projects and robots for moor
    """

    section: ClassVar[str] = "registry"

    name: FullName
    address: IPvAnyAddress
    address6: IPv6Address | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 443
    aliases: tuple[HostName, ...] = ()
    api: Literal["harbor", "distribution"] = "harbor"

    @model_validator(mode="after")
    def _usable(self) -> Registry:
        for address in self.addresses:
            if address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local:
                raise ValueError(f"{address} is an address that other hosts cannot reach; write the registry's own")
        if self.address6 and self.address.version == 6:
            raise ValueError("address is of IPv6 itself; write the IPv4 one there, or leave address6 out")
        return self

    @property
    def addresses(self) -> tuple[IPv4Address | IPv6Address, ...]:
        """Return its addresses, ``address`` first."""
        return (self.address, *([self.address6] if self.address6 else []))

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
