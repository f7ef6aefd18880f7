"""Fleet files: what is refused, and how it is told."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import InputError
from moor_lab.fleet import Host, load_fleet

GOOD = "network: 10.77.0.0/16\ndirectory: /var/lib/x\nhosts:\n  a: {address: 10.77.0.11}\n"


def _load(tmp_path: Path, text: str) -> str:
    """Return the message with which the fleet file ``text`` is refused, without its path."""
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        load_fleet(path)
    return str(refused.value).replace(f"{path}:", "FILE:")


def test_the_shipped_fleet_has_a_registry_a_cluster_and_a_stranger() -> None:
    fleet = load_fleet()
    assert [name for name, host in fleet.hosts.items() if host.role] == ["cp1", "node1", "node2", "node3"]
    assert {host.suite for host in fleet.hosts.values()} == {"bookworm", "trixie"}
    assert fleet.hosts["outsider"].address == IPv4Address("10.77.0.99")


def test_a_short_file_is_enough(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").write_text(GOOD)
    host = load_fleet(tmp_path / "fleet.yaml").hosts["a"]
    assert (host.name, host.suite, host.profile, host.role) == ("a", "trixie", "bare", None)


def test_every_error_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD + (
        "  b: {address: 10.77.0.11}\n"
        "  c: {address: 10.78.0.1, suite: jessie}\n"
        "  d: {address: 10.77.0.1, flavour: mild}\n"
        "  E_: {address: here}\n"
        "  f: running\n"
    )
    told = _load(tmp_path, text)
    for line in (
        "FILE: hosts: a and b share the address 10.77.0.11",
        "FILE: hosts.c.address: 10.78.0.1 is outside the network 10.77.0.0/16",
        "FILE: hosts.c.suite: input should be 'bullseye', 'bookworm', 'trixie' or 'sid'",
        "FILE: hosts.d.address: 10.77.0.1 is reserved: .1 is this machine, .2 the gateway",
        "FILE: hosts.d.flavour: extra inputs are not permitted",
        "FILE: hosts.E_: string should match pattern",
        "FILE: hosts.E_.address: input is not a valid IPv4 address",
        "FILE: hosts.f: input should be a valid dictionary or instance of Host",
    ):
        assert line in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hosts: [", "FILE:1: not YAML: "),
        ("- a\n", "FILE: a fleet has the keys network, directory and hosts"),
        ("network: 10.77.0.0/16\n", "FILE: hosts: field required"),
        (GOOD.replace("/16", "/30"), "FILE: network: 10.77.0.0/30 is too small for a lab"),
        (GOOD.replace("10.77.0.0/16", "10.77.0.1/16"), "FILE: network: "),
        (GOOD + "name: much-too-long\n", "FILE: name: string should match pattern"),
    ],
)
def test_a_file_that_describes_no_fleet_is_refused(tmp_path: Path, text: str, told: str) -> None:
    assert told in _load(tmp_path, text)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: No such file or directory; name a fleet file that exists"):
        load_fleet(tmp_path / "none.yaml")


@given(st.integers(0, 255), st.integers(0, 255))
def test_a_moved_fleet_keeps_its_hosts_apart_and_inside(second: int, third: int) -> None:
    fleet = load_fleet().moved(IPv4Network(f"10.{second}.0.0/16"), "other", Path(f"/x/{third}"))
    addresses = [host.address for host in fleet.hosts.values()]
    assert len(set(addresses)) == len(load_fleet().hosts)
    assert all(address in fleet.network for address in addresses)
    assert list(fleet.hosts) == list(load_fleet().hosts)


def test_a_host_that_joins_needs_a_name_and_an_address_of_its_own() -> None:
    fleet = load_fleet()
    assert "node4" in fleet.with_host(Host(name="node4", address=IPv4Address("10.77.0.34"))).hosts
    with pytest.raises(InputError, match="node1 is a host of the lab already"):
        fleet.with_host(Host(name="node1", address=IPv4Address("10.77.0.34")))
    with pytest.raises(InputError, match=r"node1 and node4 share the address 10\.77\.0\.31"):
        fleet.with_host(Host(name="node4", address=IPv4Address("10.77.0.31")))
