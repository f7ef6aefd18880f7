"""What a device prints is read whole, and no further: with any prompt, greeting, pager, pace and log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from moor.connections.devices import terminal
from moor.connections.devices.connect import CheckedNetmiko
from moor.connections.devices.device import Device
from moor.connections.devices.platforms import OWN_PLATFORMS
from moor.connections.devices.terminal import clean, shape_of, without_messages
from moor.errors import HostError
from moor.tasks.devices.platforms import PLATFORMS
from tests.tasks.devices.boxes import Box, load
from tests.tasks.devices.conftest import Edge
from tests.tasks.devices.simulator import public_key, served

CASES = Path(__file__).parent / "cases"
LOG = "*Mar  2 09:20:01.123: %SYS-5-CONFIG_I: Configured from console by ops2 on vty0 (192.0.2.9)"
GREETING = "% Authorized users only %\nInvalid use > is prosecuted, # ask ops\nerror: none\n"
LONG_NAME = "a-router-with-a-very-long-name-at-the-edge-of-the-network"
Open = Callable[..., Device]


@pytest.fixture
def opened(key_file: Path) -> Iterator[Open]:
    """Yield a function that logs in to a device."""
    with ExitStack() as stack:

        def login(box: Box, **extras: object) -> Device:
            port, plugin = stack.enter_context(served(box, key_file, "x")), CheckedNetmiko("edge1")
            pinned = {"ssh_host_key": public_key(key_file), **extras}
            plugin.open("127.0.0.1", "ops", "x", port, box.platform, pinned)
            stack.callback(plugin.close)
            return Device("edge1", plugin.connection)

        yield login


def of_case(platform: str, **oddities: object) -> Box:
    """Return a device with lists, a banner and descriptions like errors, and oddities of its command line."""
    box = load(platform, (CASES / platform / "first-list" / "wanted.conf").read_text())
    for name, value in oddities.items():
        setattr(box, name, value)
    return box


def same(read: str, box: Box) -> bool:
    lines = [[line.rstrip() for line in text.splitlines() if line.strip()] for text in (read, box.printed())]
    return lines[0][lines[0][0].startswith("Mon ") :] == lines[1]


@pytest.mark.parametrize("platform", [name for name in PLATFORMS if name != "cisco_xe"])
def test_a_configuration_is_read_whole_through_greeting_pager_log_and_a_long_name(opened: Open, platform: str) -> None:
    box = of_case(platform, greeting=GREETING, paged=True, noise=LOG, name=LONG_NAME)
    device, command = opened(box), PLATFORMS[platform].procedure.running
    assert same(device.configuration(command), box)
    with pytest.raises(HostError, match=r"the device refused 'show nothing': (% Invalid|unknown|Invalid)"):
        device.ask("show nothing")
    assert same(device.configuration(command), box)  # nothing of the one answer was left for the other


def test_every_platform_with_access_lists_has_its_greeting_read_whole() -> None:
    assert set(PLATFORMS) == set(OWN_PLATFORMS)


def test_a_slow_device_has_as_long_as_it_prints(opened: Open) -> None:
    box = of_case("cisco_ios", pause_s=0.6)
    device = opened(box)
    device.netmiko.read_timeout_override = 2  # less than the answer takes
    assert same(device.configuration("show running-config"), box)


@pytest.mark.parametrize("paged", [False, True])
def test_the_end_of_a_long_answer_is_known_by_its_prompt_alone(
    opened: Open, monkeypatch: pytest.MonkeyPatch, paged: bool
) -> None:
    monkeypatch.setattr(terminal, "STRANGE_S", 3600)  # after which an answer ends in any case
    text = (CASES / "cisco_ios" / "first-list" / "wanted.conf").read_text()
    more = "".join(f"interface Vlan{number}\n description floor {number}\n!\n" for number in range(400))
    box = load("cisco_ios", more + text)
    box.paged = paged
    device = opened(box)
    device.netmiko.read_timeout_override = 3
    assert [same(device.configuration("show running-config"), box) for _ in range(2)] == [True, True]


def test_a_prompt_that_comes_late_ends_no_answer(opened: Open) -> None:
    box = of_case("cisco_nxos", late_s=0.2)
    device = opened(box)
    assert [same(device.configuration("show running-config"), box) for _ in range(2)] == [True, True]


def test_a_device_that_somebody_renames_meanwhile_is_read_on(opened: Open) -> None:
    box = of_case("cisco_nxos")
    box.meanwhile = {"show running-config": lambda: setattr(box, "name", "core")}
    device = opened(box)
    assert same(device.configuration("show running-config"), box)
    assert same(device.configuration("show running-config"), box)


def test_a_device_that_ends_the_connection_is_lost_at_once(opened: Open) -> None:
    box = of_case("arista_eos")
    device = opened(box)
    box.meanwhile = {"show running-config": lambda: device.netmiko.remote_conn_pre.close()}  # type: ignore[union-attr]
    with pytest.raises(HostError, match="show running-config: "):
        device.configuration("show running-config")


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_xr", "arista_eos"])
def test_a_device_with_a_clock_in_its_prompt_and_a_name_that_is_cut_is_changed(
    edge: Callable[[str], Edge], platform: str
) -> None:
    one = edge(platform)
    one.box.name = "edge.{}.in-the-far-north-of-the-network"
    code, said = one.run("apply")
    assert code == 0, said
    assert one.run("plan")[0] == 0


@pytest.mark.parametrize(
    ("prompt", "other"),
    [
        ("edge1#", "edge1(config-ext-nacl)#"),
        ("edge1.09:20:59#", "edge1.09:21:00(config)#"),
        ("a-router-with-a-very-long-name#", "a-router-with-a-very(config)#"),
        ("RP/0/RP0/CPU0:edge1#", "RP/0/RP0/CPU0:edge1(config-ipv4-acl)#"),
        ("ops@edge1> ", "ops@edge1# "),
        ("ops@edge1:~$ ", "ops@edge1# "),
    ],
)
def test_a_prompt_is_known_in_every_mode_and_text_is_none(prompt: str, other: str) -> None:
    assert re.fullmatch(shape_of(prompt), other)
    for text in ("", " 10 permit ip any any", "banner motd #", "#", "description edge1#2 of ops@edge"):
        assert not re.fullmatch(shape_of(prompt), text), text


def test_what_a_terminal_draws_is_left_out_and_messages_of_the_log_between_lines() -> None:
    assert clean("\x1b[?2004hinterface\x1b[0m Ethernet1\x0c\x08\x08\x08   \x08\x08\x08 no switchport\n") == (
        "interface Ethernet1\n no switchport\n"
    )
    noisy = f"interface Ethernet1\n{LOG}\n no switchport\nRP/0/RP0/CPU0:Mar  2 09:20:01.1 : config[6]: "
    assert without_messages(f"{noisy}%MGBL-CONFIG-6-DB_COMMIT : by ops2\n description 5% of %SYS-5-X: text\n") == (
        "interface Ethernet1\n no switchport\n description 5% of %SYS-5-X: text\n"
    )
