"""Who may reach which port of a host, out of the inventory, and what is refused before anything is reached."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from nornir.core.inventory import Defaults, Group, Host, ParentGroups

from moor.context import change_context
from moor.errors import InputError
from moor.tasks.access import Access
from moor.tasks.facts import Registry
from moor.tasks.firewall.dialects.guards import Guards
from moor.tasks.firewall.hosts import desired, guards_of, own_address, refuse_lockout
from moor.tasks.firewall.settings import Firewall

REGISTRY = {"name": "registry.moor.test", "address": "10.77.0.11", "port": 8443}


def host(group: str = "harbor", firewall: dict[str, Any] | None = None, **access: Any) -> Host:
    data: dict[str, Any] = {"registry": Registry.model_validate(REGISTRY), "access": Access.model_validate(access)}
    if firewall is not None:
        data["firewall"] = Firewall.model_validate(firewall)
    addresses = {"nodes": {"node1": "10.77.0.31", "node2": "10.77.0.32"}, "named": {"node3": "node3.moor.test"}}
    made = Host("harbor1", "127.0.0.1", groups=ParentGroups([Group(group)]), data=data, defaults=Defaults())
    change_context(made, addresses=addresses)
    return made


def said(host: Host) -> dict[int, tuple[str, ...]]:
    guards = guards_of(host, host.data["firewall"])
    return {guard.port: tuple(map(str, guard.sources)) for guard in guards.ports}


def test_a_host_without_the_section_is_left_alone() -> None:
    assert desired(host(members=["10.0.0.0/8"])) == []


def test_the_registry_is_for_members_groups_and_managers_and_ssh_for_managers_alone() -> None:
    found = said(host(firewall={}, members=["10.20.0.0/16", "fd00::/64"], groups=["nodes"], managers=["10.77.0.1"]))
    everybody = ("10.20.0.0/16", "fd00::/64", "10.77.0.1/32", "10.77.0.31/32", "10.77.0.32/32")
    assert found == {22: ("10.77.0.1/32",), 80: everybody, 8443: everybody}


def test_without_managers_ssh_is_left_alone() -> None:
    assert set(said(host(firewall={}, members=["10.0.0.0/8"]))) == {80, 8443}


def test_another_host_guards_the_ports_that_it_names() -> None:
    found = said(host("nodes", firewall={"ports": {9100: ["10.77.0.50"]}}, members=["10.0.0.0/8"]))
    assert found == {9100: ("10.77.0.50/32",)}


def test_a_firewall_that_is_not_enabled_has_no_rules() -> None:
    disabled = host(firewall={"enabled": False})
    assert guards_of(disabled, disabled.data["firewall"]) == Guards()


@pytest.mark.parametrize(
    ("access", "firewall", "words"),
    [
        ({}, {}, "harbor1: data.access has no members"),
        ({"groups": ["node"]}, {}, "data.access.groups: no group is called node"),
        ({"groups": ["named"]}, {}, "node3 of named is reached by a name, node3.moor.test; write its address"),
        ({"members": ["10.0.0.0/8"]}, {"ports": {8443: []}}, "data.firewall.ports has 8443, which data.access"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(
    access: dict[str, Any], firewall: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        desired(host(firewall=firewall, **access))


@pytest.mark.parametrize(
    ("own", "refused"), [("10.77.0.1", False), ("10.77.0.2", True), ("fd00::1", True), (None, False)]
)
def test_a_description_that_shuts_this_machine_out_is_refused(own: str | None, refused: bool) -> None:
    one = host(firewall={}, members=["10.0.0.0/8", "fd00::/64"], managers=["10.77.0.1"])
    guards, address = guards_of(one, one.data["firewall"]), ip_address(own) if own else None
    if refused:
        with pytest.raises(InputError, match=f"leaves out {own}, from which this machine reaches it"):
            refuse_lockout(one, guards, address)
    else:
        refuse_lockout(one, guards, address)


def test_through_a_forwarded_port_or_a_jump_host_nobody_knows_what_the_host_sees(tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    config.write_text("Host 192.0.2.*\n  ProxyCommand nc %h %p\n")
    one = host()
    assert own_address(one, None) is None  # 127.0.0.1
    one.hostname = "192.0.2.1"
    assert own_address(one, str(config)) is None


def test_a_guard_admits_its_sources_and_nobody_else() -> None:
    guard = guards_of(one := host(firewall={}, members=["10.20.0.0/16"]), one.data["firewall"]).ports[0]
    assert guard.admits(ip_address("10.20.3.4"))
    assert not guard.admits(ip_address("10.21.0.1"))
    assert guard.of(6) == ()
    assert guard.of(4) == (ip_network("10.20.0.0/16"),)
