"""Static routes on devices: written in the words of each platform, beside those of others, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moor.tasks.devices.acl.text import find_obstacles
from moor.tasks.routes.device_syntax import MARK, ROUTES
from moor.tasks.routes.wanted import Route
from tests.harness.commands import moor_here
from tests.tasks.devices.boxes import Box, blocks, typed
from tests.tasks.devices.conftest import PLATFORMS, Edge, bare

EACH = pytest.mark.parametrize("platform", PLATFORMS)
WORDS = {
    "cisco_ios": [
        "ip route 10.88.0.11 255.255.255.255 10.66.0.9 name MOOR",
        "ipv6 route fd88::11/128 fd66::9 name MOOR",
    ],
    "cisco_xe": ["ip route 10.8.0.0 255.255.0.0 10.66.0.8 name MOOR"],
    "cisco_nxos": ["ip route 10.88.0.11/32 10.66.0.9 name MOOR", "ipv6 route fd88::11/128 fd66::9 name MOOR"],
    "arista_eos": ["ip route 10.88.0.11/32 10.66.0.9 name MOOR", "ipv6 route fd88::11/128 fd66::9 name MOOR"],
    "cisco_xr": [
        "router static address-family ipv4 unicast 10.88.0.11/32 10.66.0.9 description MOOR",
        "router static address-family ipv6 unicast fd88::11/128 fd66::9 description MOOR",
    ],
    "juniper_junos": [
        "set groups moor-routes routing-options static route 10.88.0.11/32 next-hop 10.66.0.9",
        "set groups moor-routes routing-options rib inet6.0 static route fd88::11/128 next-hop fd66::9",
        "set apply-groups moor-routes",
    ],
    "vyos": [
        "set protocols static route 10.88.0.11/32 description MOOR",
        "set protocols static route 10.88.0.11/32 next-hop 10.66.0.9",
        "set protocols static route6 fd88::11/128 next-hop fd66::9",
    ],
}
# Routes of other people, as a running configuration has them; the last is to the registry.
THEIRS: dict[str, dict[str, list[str]]] = {
    "cisco_ios": {"ip route 0.0.0.0 0.0.0.0 192.0.2.254": [], "ip route vrf X 10.88.0.11 255.255.255.255 10.1.1.1": []},
    "cisco_xr": {
        "router static": ["address-family ipv4 unicast", " 0.0.0.0/0 192.0.2.254",
                          "vrf X", " address-family ipv4 unicast", "  10.88.0.11/32 10.1.1.1"],
    },
    "cisco_nxos": {"ip route 0.0.0.0/0 192.0.2.254": [], "vrf context X": ["ip route 10.88.0.11/32 10.1.1.1"]},
    "arista_eos": {"ip route 0.0.0.0/0 192.0.2.254": [], "ip route vrf X 10.88.0.11/32 10.1.1.1": []},
    "juniper_junos": {"": ["set routing-options static route 0.0.0.0/0 next-hop 192.0.2.254",
                           "set routing-instances X routing-options static route 10.88.0.11/32 next-hop 10.1.1.1"]},
    "vyos": {"": ["set protocols static route 0.0.0.0/0 next-hop 192.0.2.254",
                  "set vrf name X protocols static route 10.88.0.11/32 next-hop 10.1.1.1"]},
}  # fmt: skip
IN_THE_WAY = {
    "cisco_ios": ("ip route 10.88.0.11 255.255.255.255 10.66.0.1", "10.66.0.1"),
    "cisco_xr": ("router static address-family ipv4 unicast 10.88.0.11/32 10.66.0.1", "10.66.0.1"),
    "cisco_nxos": ("ip route 10.88.0.11/32 10.66.0.1 name SITE", "10.66.0.1"),
    "arista_eos": ("ip route 10.88.0.11/32 10.66.0.1", "10.66.0.1"),
    "juniper_junos": ("set routing-options static route 10.88.0.11/32 next-hop 10.66.0.1", "10.66.0.1"),
    "vyos": ("set protocols static route 10.88.0.11/32 next-hop 10.66.0.1", "10.66.0.1"),
}


def with_others(platform: str) -> Box:
    """Return a device with routes of other people."""
    box = bare(platform)
    for head, lines in THEIRS["cisco_ios" if platform == "cisco_xe" else platform].items():
        box.running[head] = [*box.running.get(head, []), *lines]
    return box


def route(to: str, via: str) -> Route:
    return Route(ip_network(to), ip_address(via))


networks4 = st.builds(
    lambda n, p: IPv4Network((n, p), strict=False), st.integers(1 << 24, 0xDFFFFFFF), st.integers(1, 32)
)
networks6 = st.builds(
    lambda n, p: IPv6Network((n, p), strict=False), st.integers(1 << 120, 1 << 125), st.integers(8, 128)
)
routes4 = st.builds(Route, networks4, st.builds(IPv4Address, st.integers(1 << 24, 0xDFFFFFFF)))
routes6 = st.builds(Route, networks6, st.builds(IPv6Address, st.integers(1 << 120, 1 << 125)))
sets = st.lists(st.one_of(routes4, routes6), max_size=4, unique_by=lambda one: one.to)


@EACH
@given(first=sets, second=sets)
@settings(max_examples=20)
def test_commands_lead_from_any_routes_to_any_others_and_back(
    platform: str, first: list[Route], second: list[Route]
) -> None:
    syntax, box = ROUTES[platform], with_others(platform)
    bare_text = box.printed()
    now = ""
    for routes in (first, second, first, []):
        wanted = syntax.wanted(routes)
        typed(box, syntax.remedy(now, wanted.text, MARK))
        found = syntax.find(box.printed(), MARK)
        assert found.text == wanted.text
        assert syntax.remedy(found.text, wanted.text, MARK) == []
        if platform == "vyos":  # whose saved configuration has another form
            saved = "\n".join(blocks([line.split()[1:] for line in box.running[""]]))
            assert syntax.find(syntax.started(saved), MARK).text == wanted.text
        now = found.text
    assert sorted(box.printed().splitlines()) == sorted(bare_text.splitlines())


@EACH
def test_routes_are_in_the_words_of_the_platform(platform: str) -> None:
    routes = [route("10.88.0.11", "10.66.0.9"), route("10.8.0.0/16", "10.66.0.8"), route("fd88::11", "fd66::9")]
    assert [words for words in WORDS[platform] if words not in ROUTES[platform].wanted(routes).text] == []


# One of each kind of change, since a login takes seconds; what the others would be sent is tried above without one.
@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_xr"])
def test_routes_are_planned_set_found_lost_moved_and_undone(edge: Callable[..., Edge], platform: str) -> None:
    one = edge(platform, with_others(platform))
    one.concern, one.interfaces = "routes", {}
    one.routes = {"via": ["10.66.0.9"], "to": {"10.8.0.0/16": "10.66.0.8", "fd88::11/128": "fd66::9"}}
    before = one.box.printed()
    code, said = one.run("plan")
    assert code == 2, said
    assert [words for words in WORDS[platform] if words not in said] == []
    assert (one.sent, one.box.printed()) == ([], before)

    code, said = one.run("apply")
    assert code == 0, said
    assert one.box.undo is None
    assert one.run("plan")[0] == 0
    one.routes = {"via": ["10.66.0.7"]}
    code, said = one.run("drift")
    assert (code, "routes:static" in said) == (2, True), said
    assert one.run("apply")[0] == 0
    left = one.box.printed()
    assert ("10.66.0.7" in left, "10.66.0.8" in left, "192.0.2.254" in left) == (True, False, True)

    if platform == "cisco_ios":  # and by moor remove, from the saved configuration too
        one.routes = {}
        one.write()
        done = moor_here(one.site, "remove", "routes", "--yes")
        assert done.returncode == 0, done.said
        assert one.box.printed() == before
        assert one.box.startup == one.box.running
        return

    # the way to moor itself is lost: the device takes the change back
    one.box.cuts_off = True
    one.routes = {"via": ["10.66.0.6"]}
    code, said = one.run("apply")
    assert (code, "after the change" in said) == (1, True), said
    one.box.cuts_off = False
    one.box.expire()
    assert one.box.printed() == left


@pytest.mark.parametrize("platform", IN_THE_WAY)
def test_a_route_of_others_to_the_same_network_is_an_obstacle_and_named(platform: str) -> None:
    box = with_others(platform)
    line, word = IN_THE_WAY[platform]
    typed(box, [line])
    syntax = ROUTES[platform]
    wanted = syntax.wanted([route("10.88.0.11/32", "10.66.0.9"), route("10.8.0.0/16", "10.66.0.8")])
    (obstacle,) = find_obstacles(syntax.find(box.printed(), MARK), wanted, ())
    assert obstacle.startswith("route to 10.88.0.11/32 already has a static route (")
    assert word in obstacle
    assert obstacle.endswith("moor does not replace it")


def test_routes_that_somebody_has_deactivated_are_activated() -> None:
    syntax, box = ROUTES["juniper_junos"], bare("juniper_junos")
    wanted = syntax.wanted([route("10.88.0.11/32", "10.66.0.9")])
    typed(box, wanted.text.splitlines())
    box.running[""].append("deactivate apply-groups moor-routes")
    found = syntax.find(box.printed(), MARK).text
    assert syntax.remedy(found, wanted.text, MARK) == ["activate apply-groups moor-routes"]


def test_what_no_device_takes_is_refused_before_it_is_contacted(edge: Callable[..., Edge]) -> None:
    one = edge("arista_eos")
    one.concern, one.interfaces = "routes", {}
    one.routes = {"via": ["10.66.0.9"], "interface": "Ethernet1"}
    assert "data.routes of a device has next hops alone" in one.run("plan")[1]
    one.routes = {"via": ["fd66::9"]}
    assert "data.routes.via has fd66::9, and the registry has no IPv6 address" in one.run("plan")[1]
    assert one.box.heard == []
