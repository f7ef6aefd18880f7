"""The path MTU is measured with the program that the host has, in every shell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moor.tasks.diagnosis.evidence.mtu import is_measured, mtu_fragment
from moor.tasks.proxies.running import parse_key_values
from tests.harness.shells import SHELLS, sh, text

AWAY = "192.0.2.7"  # RFC 5737: nobody's
by_shell = pytest.mark.parametrize("shell", SHELLS)
# Said by iputils-ping 20240905 and busybox 1.37; SIZE is that of the packet.
LOST = "2 packets transmitted, 0 received, 100% packet loss, time 1015ms"
TOLD = "From 10.0.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)"
LOCAL = "ping: local error: message too long, mtu=1400"
ICMP6 = "From fd6d::1 icmp_seq=1 Packet too big: mtu=1400"
NO_M = "ping: invalid option -- 'M'"
ARRIVED, TRACED_LOST, TRACED_TOLD = f"64  {AWAY}  0.006 ms", "64  *", "64  10.0.0.1  0.006 ms !F-1300"
OTHERS = "64  10.0.0.1  0.006 ms !X"


@pytest.fixture
def way(tmp_path: Path) -> Path:
    """Return a directory of programs of its own: a route by lo's link, called eth0 with an MTU of 1500."""
    program(tmp_path, "ip", 'case "$*" in *192.0.2.7*|*fd6d::7*) echo "x dev eth0 src y" ;; esac')
    program(tmp_path, "cat", "case $1 in */eth0/mtu) echo 1500 ;; *) exit 1 ;; esac")
    return tmp_path


def program(place: Path, name: str, body: str) -> None:
    path = place / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def ping(place: Path, large: str, largest: int, header: int = 28) -> None:
    """Write a ping for which packets up to ``largest`` bytes arrive, and which prints ``large`` for others."""
    program(place, "ping", f'[ $(($9 + {header})) -gt {largest} ] || exit 0\necho "{large}" >&2; exit 1')


def asked(shell: str, place: Path, *addresses: str) -> dict[str, str]:
    done = sh(shell, f"PATH={place}:{os.environ['PATH']}\n(\n{mtu_fragment(addresses or (AWAY,))}\n)")
    assert (done.returncode, done.stderr) == (0, b"")
    return parse_key_values(text(done.stdout))


@by_shell
@pytest.mark.parametrize(
    ("large", "largest", "found"),
    [
        (LOST, 1500, {"large": "pass"}),
        (TOLD, 1400, {"large": "told"}),
        (LOCAL, 1400, {"large": "told"}),
        (LOST, 1420, {"large": "stuck", "passes": "1400"}),
        (LOST, 576, {"large": "stuck", "passes": "576"}),
        (LOST, 200, {"large": "limited"}),
        (LOST, 0, {"large": "silent"}),
    ],
)
def test_ping_distinguishes_lost_packets_from_reported_ones(
    shell: str, way: Path, large: str, largest: int, found: dict[str, str]
) -> None:
    ping(way, large, largest)
    seen = asked(shell, way)
    assert seen == {"towards": AWAY, "device": "eth0", "mtu": "1500", **found}
    assert is_measured(seen) is (found["large"] in ("pass", "told", "stuck"))


@by_shell
@pytest.mark.parametrize(("large", "found"), [(ICMP6, "told"), (LOST, "stuck")])
def test_the_longer_ipv6_header_is_counted(shell: str, way: Path, large: str, found: str) -> None:
    ping(way, large, 1499, 48)
    assert asked(shell, way, "fd6d::7")["large"] == found
    ping(way, large, 1500, 48)
    assert asked(shell, way, "fd6d::7")["large"] == "pass"


@by_shell
@pytest.mark.parametrize(
    ("small", "large", "found"),
    [
        (ARRIVED, ARRIVED, "pass"), (ARRIVED, TRACED_TOLD, "told"), (ARRIVED, TRACED_LOST, "stuck"),
        (TRACED_LOST, TRACED_LOST, "silent"), (OTHERS, OTHERS, "untold"), ("applet not found", "", "untold"),
    ],
)  # fmt: skip
def test_busybox_traceroute_measures_where_ping_cannot(
    shell: str, way: Path, small: str, large: str, found: str
) -> None:
    program(way, "ping", f'echo "{NO_M}" >&2; exit 1')
    program(way, "busybox", f'for s; do :; done\nif [ "$s" -gt 1300 ]; then echo "{large}"; else echo "{small}"; fi')
    assert asked(shell, way)["large"] == found


@by_shell
def test_the_first_address_with_a_route_is_measured_and_without_any_nothing_is_printed(shell: str, way: Path) -> None:
    ping(way, LOST, 1500)
    assert asked(shell, way, "fd6d::9", AWAY)["towards"] == AWAY
    assert asked(shell, way, "fd6d::9") == {}
    assert not is_measured({})
