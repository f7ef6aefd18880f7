"""Who may reach the registry is described once, by networks that nobody has to compute."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nornir.core.inventory import Defaults, Host
from pydantic import ValidationError

from moor.errors import InputError
from moor.tasks.access import Access, PortOpening, openings_of
from moor.tasks.facts import Registry


def host(*members: str, address: str = "10.77.0.11", address6: str | None = None) -> Host:
    place = {"name": "registry.moor.test", "address": address, "address6": address6, "port": 8443}
    registry = Registry.model_validate(place)
    data = {"registry": registry, "access": Access.model_validate({"members": list(members)})}
    return Host("edge1", data=data, defaults=Defaults())


def test_members_of_each_of_the_registrys_address_families_reach_its_port() -> None:
    four = PortOpening((ip_address("10.77.0.11"),), 8443, (ip_network("10.77.0.0/24"),))
    six = PortOpening((ip_address("fd00::11"),), 8443, (ip_network("fd00::/64"),))
    both = ("10.77.0.0/24", "fd00::/64")
    assert openings_of(host(*both)) == (four,)
    assert openings_of(host(*both, address="fd00::11")) == (six,)
    assert openings_of(host(*both, address6="fd00::11")) == (four, six)


def test_without_members_nobody_would_reach_the_registry_which_is_refused() -> None:
    with pytest.raises(InputError, match=r"edge1: data\.access\.members has no IPv4 network"):
        openings_of(host("fd00::/64"))
    with pytest.raises(InputError, match=r"has no IPv6 network, so that nobody would reach fd00::11"):
        openings_of(host("10.77.0.0/24", address6="fd00::11"))


@pytest.mark.parametrize(
    "member", ["10.77.0.1/16", "10.77.0.0/33", "registry.moor.test", "any", "10.77.0.0/16\npermit"]
)
def test_a_member_is_a_network_and_nothing_else(member: str) -> None:
    with pytest.raises(ValidationError):
        Access.model_validate({"members": [member]})


networks = st.integers(0, 2**32 - 1).flatmap(
    lambda number: st.integers(1, 32).map(lambda length: ip_network((number, length), strict=False))
)


@given(st.lists(networks, min_size=1, max_size=8), st.ip_addresses(v=4))
def test_merged_networks_hold_the_same_addresses(members: list[object], address: object) -> None:
    merged = openings_of(host(*map(str, members)))[0].members
    assert any(address in member for member in merged) == any(address in member for member in members)  # type: ignore[operator]
