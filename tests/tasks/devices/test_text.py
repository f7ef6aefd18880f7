"""Access lists are parsed from devices' output, and changed without a moment in which half a list filters."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moor.tasks.devices.acl.text import ListOnDevice, ListSyntax, find_obstacles, names_of
from moor.tasks.devices.platforms import PLATFORMS
from moor.templates import render
from tests.tasks.devices import recorded
from tests.tasks.devices.boxes import KINDS, Box, CiscoLike, typed
from tests.tasks.devices.conftest import INTERFACES, bare

NAME = "MOOR-REGISTRY"
UNHURRIED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RECORDED = {
    "cisco_ios": (recorded.IOS, "GigabitEthernet0/1", "interface GigabitEthernet0/0 in", "ip access-group MGMT"),
    "cisco_xr": (
        *(recorded.XR, "GigabitEthernet0/0/0/1", "interface GigabitEthernet0/0/0/0 ingress", "ipv4 access-group MGMT"),
    ),
    "cisco_nxos": (recorded.NXOS, "Ethernet1/1", "", ""),
    "arista_eos": (recorded.EOS, "Ethernet1", "", ""),
    "juniper_junos": (
        *(recorded.JUNOS, "ge-0/0/1.0", "interfaces ge-0/0/0 unit 0 family inet filter input", "PROTECT"),
    ),
    "vyos": (recorded.VYOS, "eth1", "firewall ipv4 forward filter rule 5", "state established"),
}
EACH = pytest.mark.parametrize("platform", RECORDED)


def dialect(platform: str) -> ListSyntax:
    return PLATFORMS[platform].lists


def wanted(
    platform: str,
    members: tuple[str, ...],
    interfaces: Mapping[str, str],
    rest: str = "permit",
    addresses: tuple[str, ...] = ("10.88.0.11",),
) -> ListOnDevice:
    own, places = tuple(map(ip_network, members)), tuple(map(ip_address, addresses))
    text = render(
        f"devices/{PLATFORMS[platform].template}",
        name=NAME,
        interfaces=interfaces,
        rest=rest,
        first_rule=10,
        port=443,
        lists=[
            {
                "name": name,
                "version": version,
                "addresses": tuple(one for one in places if one.version == version),
                "members": tuple(one for one in own if one.version == version),
            }
            for name, version in zip(names_of(NAME), (4, 6), strict=True)
            if any(one.version == version for one in places)
        ],
    )
    return dialect(platform).find(text, NAME)


@EACH
def test_what_a_device_shows_is_what_was_written_and_needs_nothing(platform: str) -> None:
    shown, interface, place, other = RECORDED[platform]
    dialect(platform).check(shown)
    found, want = dialect(platform).find(shown, NAME), wanted(platform, ("10.77.0.0/16",), {interface: "in"})
    assert found.text == want.text
    assert dialect(platform).remedy(found.text, want.text, NAME) == []
    assert (find_obstacles(found, want, [interface]), found.taken.get(place, "")) == ([], other)


@EACH
def test_the_standby_of_a_registry_is_kept_from_strangers_too(platform: str) -> None:
    shown, interface, _, _ = RECORDED[platform]
    one = wanted(platform, ("10.77.0.0/16",), {interface: "in"}).text
    both = wanted(platform, ("10.77.0.0/16",), {interface: "in"}, addresses=("10.88.0.11", "10.88.0.12")).text
    lines = [line for line in both.splitlines() if "10.88.0.12" in line]
    assert len(lines) == len([line for line in both.splitlines() if "10.88.0.11" in line])
    assert len(lines) == len([line for line in one.splitlines() if "10.88.0.11" in line])
    dialect(platform).check(shown)
    assert dialect(platform).remedy(dialect(platform).find(shown, NAME).text, both, NAME)


@EACH
def test_a_list_of_another_name_is_absent(platform: str) -> None:
    assert dialect(platform).find(RECORDED[platform][0], "OTHER").text == ""


@EACH
@pytest.mark.parametrize("cut", [0.3, 0.6])
def test_half_a_configuration_of_sections_is_refused(platform: str, cut: float) -> None:
    shown = RECORDED[platform][0]
    half = shown[: int(len(shown) * cut)]
    if platform in ("cisco_ios", "cisco_xr", "arista_eos"):
        with pytest.raises(ValueError, match="last line"):
            dialect(platform).check(half)
    for garbage in ("", "\x07\x07", "% Invalid command at '^' marker.", "<html>busy</html>"):
        with pytest.raises(ValueError, match=r"its last line|no interface|not a line of a configuration"):
            dialect(platform).check(garbage)


def test_what_vyos_starts_with_reads_as_what_runs() -> None:
    vyos = dialect("vyos")
    assert vyos.find(vyos.started(recorded.VYOS_BOOT), NAME).text == vyos.find(recorded.VYOS, NAME).text


def test_a_number_of_a_rule_that_is_other_peoples_is_an_obstacle() -> None:
    found = dialect("vyos").find(recorded.VYOS.replace("jump-target 'MOOR-REGISTRY'", "jump-target 'THEIRS'"), NAME)
    want = wanted("vyos", ("10.77.0.0/16",), {"eth1": "in"})
    assert find_obstacles(found, want, ["eth1", "eth9"]) == [
        "there is no interface eth9; write it as the device's configuration does",
        "firewall ipv4 forward filter rule 10 already has jump-target THEIRS; moor does not replace it",
    ]
    assert "eth1.20" in found.interfaces


def test_terms_of_junos_in_another_order_are_written_anew_and_what_is_deactivated_is_activated() -> None:
    junos, want = dialect("juniper_junos"), wanted("juniper_junos", ("10.77.0.0/16",), {"ge-0/0/1.0": "in"})
    lines = recorded.JUNOS.splitlines()
    swapped = [line for line in lines if "term rest" in line] + [line for line in lines if "term rest" not in line]
    remedy = junos.remedy(junos.find("\n".join(swapped), NAME).text, want.text, NAME)
    assert remedy[0] == f"delete firewall family inet filter {NAME}"
    assert remedy[-1] == f"set firewall family inet filter {NAME} term rest then accept"
    off = f"deactivate firewall family inet filter {NAME}"
    found = junos.find(f"{recorded.JUNOS}{off}\n", NAME)
    assert junos.remedy(found.text, want.text, NAME) == [off.replace("deactivate", "activate")]


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_xr", "cisco_nxos", "arista_eos"])
def test_an_interface_is_never_taken_away(platform: str) -> None:
    one, other = INTERFACES[platform]
    before, after = (wanted(platform, ("10.77.0.0/16",), {name: "in"}).text for name in (one, other))
    assert not [line for line in dialect(platform).remedy(before, after, NAME) if line.startswith("no interface")]


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_xr", "cisco_nxos", "arista_eos"])
def test_the_order_of_entries_is_a_difference_in_both_families(platform: str) -> None:
    both = ("10.66.0.0/16", "10.77.0.0/16", "2001:db8:66::/48", "2001:db8:77::/48")
    text = wanted(platform, both, {INTERFACES[platform][0]: "in"}, addresses=FAMILIES[2]).text
    for one, other in (("10.66.0.0", "10.77.0.0"), ("2001:db8:66::", "2001:db8:77::")):
        swapped = text.replace(one, "-").replace(other, one).replace("-\n", f"{other}\n").replace("- ", f"{other} ")
        swapped = swapped.replace("-/", f"{other}/")
        box = bare(platform)
        typed(box, dialect(platform).remedy("", swapped, NAME))
        assert running(box, platform) == swapped != text
        typed(box, dialect(platform).remedy(swapped, text, NAME))
        assert running(box, platform) == text


networks = st.integers(0, 255).map(lambda number: f"10.{number}.0.0/16") | st.just("192.0.2.7") | st.just("0.0.0.0/0")
networks6 = st.integers(0, 255).map(lambda number: f"2001:db8:{number:x}::/48") | st.sampled_from(["fd00::7", "::/0"])
members = st.lists(networks, min_size=1, max_size=4, unique=True).map(tuple)
members6 = st.lists(networks6, min_size=1, max_size=4, unique=True).map(tuple)
FAMILIES = [("10.88.0.11",), ("fd88::11",), ("10.88.0.11", "fd88::11"), ("10.88.0.11", "10.88.0.12", "fd88::11")]


@st.composite
def lists(draw: st.DrawFn, platform: str) -> ListOnDevice:
    ways = st.dictionaries(st.sampled_from(INTERFACES[platform]), st.sampled_from(["in", "out"]))
    everybody, addresses = draw(members) + draw(members6), draw(st.sampled_from(FAMILIES))
    return wanted(platform, everybody, draw(ways), draw(st.sampled_from(["permit", "deny"])), addresses)


@EACH
@UNHURRIED
@given(data=st.data())
def test_from_any_list_to_any_other_by_the_commands_that_were_computed(platform: str, data: st.DataObject) -> None:
    before, after = data.draw(lists(platform)), data.draw(lists(platform))
    box = bare(platform)
    for text in (before, after):
        typed(box, dialect(platform).remedy(running(box, platform), text.text, NAME))
        assert running(box, platform) == text.text
    assert dialect(platform).remedy(running(box, platform), after.text, NAME) == []


def running(box: Box, platform: str) -> str:
    shown = "\n".join(line for head, below in box.running.items() for line in (head, *(f" {one}" for one in below)))
    return dialect(platform).find("\n".join(box.running[""]) if "" in box.running else shown, NAME).text


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_nxos"])
@UNHURRIED
@given(data=st.data())
def test_no_moment_of_a_live_change_shuts_out_what_both_lists_let_pass(platform: str, data: st.DataObject) -> None:
    interface = INTERFACES[platform][0]
    one, other = (
        wanted(platform, data.draw(members) + data.draw(members6), {interface: "in"}, addresses=FAMILIES[2]).text
        for _ in range(2)
    )
    box = bare(platform)
    typed(box, dialect(platform).remedy("", one, NAME))
    for line in dialect(platform).remedy(one, other, NAME):
        if not line.startswith(" "):
            head = line
        typed(box, [head, line] if line != head else [line])
        assert lets_the_rest_pass(box, platform, interface), line


def lets_the_rest_pass(box: Box, platform: str, interface: str) -> bool:
    """Return whether an interface has a list of each family whose last entry permits all other traffic."""
    session = KINDS[platform]
    assert issubclass(session, CiscoLike)
    last = [
        box.running.get(f"{header} {line.split()[2]}", [])[-1:]
        for header, hook in zip(session.headers, session.hooks, strict=True)
        for line in box.running[f"interface {interface}"]
        if line.startswith(hook)
    ]
    return [entry[0].split("permit ")[-1] for entry in last if entry] == ["ip any any", "ipv6 any any"]
