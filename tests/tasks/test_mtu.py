"""Routes with an MTU of their own, in a network namespace of the real kernel."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from moor.engine.plan import plan
from moor.tasks.mtu.route import PROTOCOL, NoRouteMtu, RouteMtu, script
from tests.harness.shells import SHELLS

V4, V6 = "10.9.0.11", "fd6d::11"
ROUTES = """\
ip link add wan type veth peer name vpn; ip link set wan up; ip link set vpn up
ip addr add 10.1.0.2/24 dev wan; ip addr add 10.2.0.2/24 dev vpn; ip addr add fd01::2/64 dev wan nodad
ip route add default via 10.1.0.1 dev wan; ip route add 10.9.0.0/16 via 10.2.0.1 dev vpn metric 50
ip route add 10.9.0.0/16 via 10.1.0.9 dev wan metric 90; ip -6 route add default via fd01::1 dev wan
"""
by_shell = pytest.mark.parametrize("shell", SHELLS)


def answers(shell: str, folder: Path, *fragments: str) -> list[str]:
    """Run fragments one after the other in a network of their own, and return what each printed."""
    for number, fragment in enumerate([ROUTES, *fragments]):
        (folder / str(number)).write_text(fragment)
    names = " ".join(str(folder / str(number)) for number in range(len(fragments) + 1))
    run = " ".join(SHELLS[shell])
    loop = f"for f in {names}; do {run} $f 2>&1; echo ------; done"
    done = subprocess.run(["unshare", "-n", "sh", "-c", loop], capture_output=True, text=True, check=True, timeout=60)
    first, *rest = done.stdout.split("------\n")[:-1]
    assert first == ""
    return rest


@by_shell
def test_the_route_follows_the_hosts_other_routes_and_goes_again(shell: str, tmp_path: Path) -> None:
    wanted, gone = [RouteMtu(V4, 1400), RouteMtu(V6, 1400)], NoRouteMtu()
    make, probes = script([V4, V6], 1400), [one.probe() for one in wanted]
    get = f"ip route get {V4}; ip -6 route get {V6}"
    moved = "ip route del 10.9.0.0/16 metric 50; ip route flush cache"
    before, _, after, seen, _, later, anew, _, left = answers(
        shell, tmp_path, probes[0], make, get, "\n".join(f"( {one}\n)" for one in probes[1:]), moved, probes[0], make,
        f"ip route flush proto {PROTOCOL}; ip -6 route flush proto {PROTOCOL}", gone.probe(),
    )  # fmt: skip
    assert wanted[0].actual(before) == {
        "mtu": "of the device", "way": "no route of its own", "leads": "via 10.2.0.1 dev vpn",
    }  # fmt: skip
    assert "via 10.2.0.1 dev vpn" in after
    assert after.count("mtu 1400") == 2
    assert plan([wanted[1]], {wanted[1].id: wanted[1].actual(seen)}) == []
    (change,) = plan([wanted[0]], {wanted[0].id: wanted[0].actual(later)})
    assert change.diff == "way: via 10.2.0.1 dev vpn -> via 10.1.0.9 dev wan"
    assert (anew, gone.actual(left)) == ("", None)


@by_shell
def test_a_route_of_somebody_else_to_the_same_address_stays_and_is_told(shell: str, tmp_path: Path) -> None:
    wanted = RouteMtu(V4, 1400)
    theirs = f"ip route add {V4} via 10.1.0.7"
    _, probed, made, there = answers(shell, tmp_path, theirs, wanted.probe(), script([V4], 1400), f"ip route show {V4}")
    state = wanted.actual(probed)
    words = wanted.refusal(state, wanted.desired(state))
    assert f"a route to {V4} alone is there, which moor did not make; add mtu 1400 to it" in words
    assert made == f"a route to {V4} alone is there already\n"
    assert there.split()[:3] == [V4, "via", "10.1.0.7"]


@by_shell
def test_a_host_without_a_route_has_none_to_change(shell: str, tmp_path: Path) -> None:
    wanted = RouteMtu("192.0.2.1", 1400)
    (_, probed, made) = answers(shell, tmp_path, "ip route del default", wanted.probe(), script(["192.0.2.1"], 1400))
    assert (wanted.actual(probed), made) == (None, "")
