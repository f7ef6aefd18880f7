"""Who configures an interface, by what the programs say, and the file that each of them reads; pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from nornir.core.inventory import Defaults, Group, Host, ParentGroups
from pydantic import ValidationError

from moor.errors import HostError, InputError
from moor.tasks.facts import Registry
from moor.tasks.routes.host_routes import HostRoutes
from moor.tasks.routes.hosts import desired, retired
from moor.tasks.routes.keepers import NETPLAN, Keeper, Placed, files_for, routes_in
from moor.tasks.routes.seen import Seen, read_seen
from moor.tasks.routes.settings import Routes
from moor.tasks.routes.wanted import Route, wanted_routes
from tests.tasks.routes.namespace import route

NM, NETWORK = "GENERAL.STATE:{}\nGENERAL.CONNECTION:{}\n", "NETWORK:{}\n"
CONNECTED, OUTSIDE, UNMANAGED = "100 (connected)", "100 (connected (externally))", "10 (unmanaged)"
RENDERED, OWN = "/run/systemd/network/10-netplan-lan.network", "/etc/systemd/network/10-eth0.network"
KEEPERS = [Keeper("netplan", "lan", "ethernets"), Keeper("networkd", "10-eth0.network"), Keeper("ifupdown"),
           Keeper("NetworkManager"), Keeper("")]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "keeper"),
    [
        (NM.format(CONNECTED, "Wired connection 1"), Keeper("NetworkManager")),
        (NM.format(OUTSIDE, "eth0") + NETWORK.format(OWN), Keeper("networkd", "10-eth0.network")),
        (NM.format(UNMANAGED, "") + "IFUPDOWN\n", Keeper("ifupdown")),
        (NM.format(CONNECTED, "netplan-lan"), Keeper("netplan", "lan", "ethernets")),
        (NETWORK.format(RENDERED), Keeper("netplan", "lan", "ethernets")),
        (NETWORK.format(OWN), Keeper("networkd", "10-eth0.network")),
        # rendered by a netplan that is gone: the file can be added to all the same
        (NETWORK.format(RENDERED.replace("lan.", "wan.")), Keeper("networkd", "10-netplan-wan.network")),
        (NETWORK.format("n/a"), Keeper("")),
        (NETWORK.format("n/a") + "IFUPDOWN\n", Keeper("ifupdown")),
        ("", Keeper("")),
    ],
)
def test_the_program_that_configures_an_interface_is_found(said: str, keeper: Keeper) -> None:
    plan = "network:\n  version: 2\n  renderer: networkd\n  ethernets:\n    lan:\n  vlans:\n    lan.7:\n"
    seen = Seen(devices={"eth0": said}, netplan=plan, units={"moor-routes.service": "disabled"})
    assert seen.keeper_of("eth0") == keeper


def test_without_systemd_only_a_program_can_keep_a_route() -> None:
    assert Seen(devices={"eth0": "IFUPDOWN\n"}).keeper_of("eth0") == Keeper("ifupdown")
    with pytest.raises(HostError, match="nothing would set the route after a reboot"):
        Seen(devices={"eth0": ""}).keeper_of("eth0")


networks = st.one_of(
    st.builds(lambda n, p: IPv4Network((n, p), strict=False), st.integers(1 << 24, 1 << 31), st.integers(1, 32)),
    st.builds(lambda n, p: IPv6Network((n, p), strict=False), st.integers(1 << 120, 1 << 125), st.integers(1, 128)),
)


def to(network: IPv4Network | IPv6Network) -> Route:
    return Route(network, IPv4Address("10.1.0.9") if network.version == 4 else IPv6Address("fd01::9"))


@given(
    st.lists(networks, unique=True, min_size=1, max_size=5),
    st.lists(st.sampled_from(["eth0", "bond0.7", "br-lan"]), min_size=5, max_size=5),
    st.lists(st.sampled_from(KEEPERS), min_size=3, max_size=3, unique=True),
)
def test_every_file_tells_which_routes_it_sets(
    found: list[IPv4Network | IPv6Network], names: list[str], keepers: list[Keeper]
) -> None:
    placed = [Placed(to(network), name) for network, name in zip(found, names, strict=False)]
    files = files_for(placed, dict(zip(("eth0", "bond0.7", "br-lan"), keepers, strict=True)))
    again = [one for content in files.values() for one in routes_in(content)]
    assert sorted(map(str, again)) == sorted(map(str, placed))
    for path, content in files.items():
        own = routes_in(content)
        assert all(str(one.route.to) in content.replace(f"# moor: {one}", "") for one in own)
        if path == NETPLAN:
            (lan,) = yaml.safe_load(content)["network"]["ethernets"].values()
            assert [(one["to"], one["via"]) for one in lan["routes"]] == [
                (str(one.route.to), str(one.route.via)) for one in own
            ]


@given(st.text())
def test_whatever_a_host_prints_is_a_value_or_an_error_of_the_host(output: str) -> None:
    try:
        seen = read_seen(output)
        seen.recorded  # noqa: B018
        seen.refuse_foreign([to(IPv4Network("10.9.0.1"))])
        seen.place(to(IPv4Network("10.9.0.1")))
    except HostError:
        pass


REGISTRY = {"name": "registry.moor.test", "address": "10.9.0.11", "address6": "fd09::11"}
STANDBY = {"standby": {"host": "harbor2", "address": "10.9.0.12", "address6": "fd09::12"}}


def host(
    group: str = "nodes", address: str = "10.1.0.2", registry: dict[str, Any] | None = None, **routes: Any
) -> Host:
    data: dict[str, Any] = {"registry": Registry.model_validate(REGISTRY | (registry or {}))}
    if routes:
        data["routes"] = Routes.model_validate(routes)
    return Host("node1", address, groups=ParentGroups([Group(group)]), data=data, defaults=Defaults())


def wanted(made: Host) -> list[str]:
    return [str(one) for one in wanted_routes(made, made.data["routes"])]


def test_via_leads_to_each_address_of_its_family_and_no_host_to_itself() -> None:
    both = ["10.1.0.9", "fd01::9"]
    assert wanted(host(via=both)) == ["10.9.0.11/32 via 10.1.0.9", "fd09::11/128 via fd01::9"]
    assert wanted(host(via=both[:1], registry=STANDBY)) == ["10.9.0.11/32 via 10.1.0.9", "10.9.0.12/32 via 10.1.0.9"]
    assert wanted(host("harbor", via=both)) == []
    assert wanted(host("harbor", "10.9.0.12", STANDBY, via=both[:1])) == ["10.9.0.11/32 via 10.1.0.9"]
    assert wanted(host(to={"10.8.0.0/16": "10.1.0.9"})) == ["10.8.0.0/16 via 10.1.0.9"]


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ({"via": ["fd01::9"]}, "data.routes.via has fd01::9, and the registry has no IPv6 address"),
        ({"via": ["10.1.0.9"], "to": {"10.9.0.11": "10.1.0.8"}}, "data.routes.to has 10.9.0.11, where via leads"),
        ({"via": ["10.9.0.11"]}, "10.9.0.11, which is the registry; write the router before it"),
    ],
)
def test_routes_that_contradict_the_registry_are_refused(routes: dict[str, Any], words: str) -> None:
    made = host(registry={"address6": None}, **routes)
    with pytest.raises(InputError) as error:
        wanted_routes(made, made.data["routes"])
    assert words in str(error.value)


@pytest.mark.parametrize("hop", ["127.0.0.1", "224.0.0.1", "::", "ff02::1", "10.1.0.9/32", "router"])
def test_what_is_no_router_is_no_next_hop(hop: str) -> None:
    with pytest.raises(ValidationError):
        Routes(via=(hop,))  # type: ignore[arg-type]


def test_a_route_that_the_mtu_makes_too_is_refused_and_one_to_a_network_around_it_is_not() -> None:
    made = host(via=["10.1.0.9"])
    made.data["mtu"] = {"registry": 1400}
    with pytest.raises(
        InputError, match=r"data\.mtu would both make the route to 10\.9\.0\.11; write a network around"
    ):
        desired(made)
    made.data["routes"] = Routes.model_validate({"to": {"10.9.0.0/24": "10.1.0.9"}})
    assert [one.id for one in desired(made)] == ["routes:static"]


def test_a_host_without_ip_is_an_error_only_where_it_is_to_get_a_route() -> None:
    assert HostRoutes(()).desired(HostRoutes(()).actual("== lacking\n")) == {}
    with pytest.raises(HostError, match="install iproute2"):
        read_seen("== lacking\n").place(route("10.9.0.1", "10.1.0.9"))


def test_a_host_without_the_section_is_left_alone_and_what_was_set_can_be_removed() -> None:
    assert desired(host()) == []
    assert [one.id for one in retired(host(), leaves=False)] == ["routes:static"]
    assert retired(host(via=["10.1.0.9"]), leaves=False) == []
    assert [one.id for one in retired(host(via=["10.1.0.9"]), leaves=True)] == ["routes:static"]


def test_a_line_of_others_that_only_names_the_network_is_no_route() -> None:
    lines = [
        "/etc/netplan/50.yaml:3:      nameservers: {addresses: [10.9.0.1]}",
        "/etc/netplan/90-moor-routes.yaml:1:to: 10.9.0.1",
    ]
    Seen(foreign=lines).refuse_foreign([route("10.9.0.1", "10.1.0.9")])
    for line in (
        '- to: "10.9.0.1/32"',
        "Destination=10.9.0.1",
        "route1=10.9.0.1/32,10.1.1.1",
        "up ip r add 10.9.0.1 via x",
    ):
        with pytest.raises(HostError, match="sets the route too"):
            Seen(foreign=[f"/etc/x:7:{line}"]).refuse_foreign([route("10.9.0.1", "10.1.0.9")])
