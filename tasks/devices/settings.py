"""What the inventory says of an access list on a device."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from moor.settings import Section

ListName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,54}$")]
InterfaceName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9/._:-]{0,63}$")]


class AccessListSettings(Section):
    """The access list of a host of the group ``devices``: docs/network-devices.md.

    Whom it permits comes from ``access`` and ``registry``.

    Attributes:
        interfaces: where the list filters: each interface, as the device's configuration writes it, with ``in`` or
            ``out``
        name: of the list; moor owns all of it. Its IPv6 part ends in ``-V6``
        rest: what happens to all other traffic: ``permit`` or ``deny``
        first_rule: VyOS: number of the first rule of the forward chain that jumps to the list
    """

    section: ClassVar[str] = "access_list"

    interfaces: dict[InterfaceName, Literal["in", "out"]]
    name: ListName = "MOOR-REGISTRY"
    rest: Literal["permit", "deny"] = "permit"
    first_rule: Annotated[int, Field(ge=1, le=999000)] = 10
