"""Netmiko's sessions to devices, also those of scripts: the keys that they accept, the prompt, the ends of lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netmiko import BaseConnection, ConnectHandler

from moor.connections.devices.connect import CheckedNetmiko
from moor.connections.devices.netmiko_sessions import register
from moor.connections.devices.platforms import OWN_PLATFORMS
from moor.errors import HostError
from tests.harness.sshd import keypair
from tests.tasks.devices.boxes import Box
from tests.tasks.devices.conftest import bare
from tests.tasks.devices.simulator import public_key, served

SHOWN = {"juniper_junos": "show configuration | display set", "vyos": "show configuration commands"}
Open = Callable[..., BaseConnection]


@pytest.fixture
def opened(key_file: Path) -> Iterator[Open]:
    """Yield a function that logs in to a device as a session of a type of Netmiko's."""
    with ExitStack() as stack:

        def login(box: Box, device_type: str, pins: list[str]) -> BaseConnection:
            port, plugin = stack.enter_context(served(box, key_file, "x")), CheckedNetmiko("edge1")
            plugin.open("127.0.0.1", "ops", "x", port, device_type, {"ssh_host_key": pins})
            stack.callback(plugin.close)
            return plugin.connection

        yield login


@pytest.fixture
def another_key(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that makes a key of a kind that is no host's."""

    def make(kind: str) -> str:
        keypair(tmp_path / kind, kind)
        return " ".join((tmp_path / f"{kind}.pub").read_text().split()[:2])

    return make


@pytest.mark.parametrize("device_type", ["cisco_ios", "ios", "generic"])
def test_a_session_of_any_type_accepts_the_keys_that_are_pinned_and_no_other(
    opened: Open, key_file: Path, another_key: Callable[[str], str], device_type: str
) -> None:
    others = [another_key("ed25519"), another_key("rsa")]
    for pins in (others, others[:1], others[1:]):
        with pytest.raises(HostError, match="the host key CHANGED"):
            opened(bare("cisco_ios"), device_type, pins)
    assert opened(bare("cisco_ios"), device_type, [others[0], public_key(key_file)]).is_alive()


@pytest.mark.parametrize("platform", OWN_PLATFORMS)
def test_a_command_that_netmiko_sends_itself_gets_its_answer_without_a_prompt(
    opened: Open, key_file: Path, platform: str
) -> None:
    box = bare(platform)
    session = opened(box, platform, [public_key(key_file)])
    assert session.base_prompt
    assert session.base_prompt in session.find_prompt()
    said = str(session.send_command(SHOWN.get(platform, "show running-config")))
    assert "192.0.2.1" in said
    assert session.base_prompt not in said.splitlines()[-1]


def test_a_script_that_calls_netmiko_without_moor_has_netmikos_own_keys(key_file: Path, tmp_path: Path) -> None:
    assert register("cisco_ios")
    known = tmp_path / "known_hosts"
    with served(bare("cisco_ios"), key_file, "x") as port:
        known.write_text(f"[127.0.0.1]:{port} {public_key(key_file)}\n")
        there = {"device_type": "cisco_ios", "host": "127.0.0.1", "port": port, "username": "ops", "password": "x"}
        with ConnectHandler(**there, ssh_strict=True, alt_host_keys=True, alt_key_file=str(known)) as session:
            assert session.is_alive()


@pytest.mark.parametrize("device_type", ["cisco_ios_telnet", "cisco_ios_serial", "no_such_type"])
def test_what_is_not_reached_by_ssh_is_left_to_netmiko(device_type: str) -> None:
    assert not register(device_type)


@pytest.mark.parametrize("device_type", ["cisco_ios", "cisco_nxos", "cisco_asa"])
@given(text=st.text(st.sampled_from("\r\n a"), max_size=12))
def test_lines_end_as_netmiko_ends_them(device_type: str, text: str) -> None:
    register(device_type)
    session = ConnectHandler(device_type=device_type, host="192.0.2.1", auto_connect=False)
    theirs = next(base for base in type(session).__mro__ if base.__module__.startswith("netmiko."))
    assert session.normalize_linefeeds(text) == theirs.normalize_linefeeds(session, text)  # type: ignore[attr-defined]
