"""What moor reads of a kernel's routes, sets, removes and puts back, in a namespace, by each shell."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from moor.errors import HostError
from moor.tasks.routes.change import keep_former, put_back, set_now
from moor.tasks.routes.host_routes import GONE, HostRoutes
from moor.tasks.routes.seen import read_seen
from moor_lab.network import has_ipv6
from tests.harness.shells import SHELLS
from tests.tasks.routes.namespace import Namespace, namespace, route

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare"))) or not has_ipv6(), reason="needs root, ip, IPv6"
)
ROUTES = (route("10.9.0.1", "10.1.0.9"), route("10.8.0.0/16", "10.1.1.9"), route("fd09::1", "fd01::9"))
WAYS = {
    "to 10.9.0.1/32": "via 10.1.0.9 dev eth0",
    "to 10.8.0.0/16": "via 10.1.1.9 dev eth1",
    "to fd09::1/128": "via fd01::9 dev eth0",
}


@pytest.fixture(params=SHELLS)
def kernel(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Namespace]:
    with namespace(request.param, tmp_path) as made:
        yield made


def found(kernel: Namespace, wanted: HostRoutes) -> dict[str, str]:
    """Return what a plan shows of the routes: the present way to each network."""
    state = wanted.actual(kernel.right(wanted.probe()))
    return {name: str(value) for name, value in state.items() if name.startswith("to ")}


def test_routes_are_missing_set_right_wrong_and_put_back(kernel: Namespace) -> None:
    wanted = HostRoutes(ROUTES)
    seen = read_seen(kernel.right(wanted.probe()))
    assert found(kernel, wanted) == dict.fromkeys(WAYS, "no route")
    placed = [seen.place(one) for one in ROUTES]
    assert {f"to {one.route.to}": one.way for one in placed} == WAYS

    kernel.right("ip route add unreachable 10.9.0.1/32; ip -6 route add fd09::1/128 via fd01::7 dev eth0 metric 9")
    kernel.right("ip route add 10.8.0.0/16 via 10.1.1.7 proto bird mtu 1400")
    before = kernel.right("ip route; ip -6 route")
    assert found(kernel, wanted) == {
        "to 10.9.0.1/32": "no route",
        "to 10.8.0.0/16": "via 10.1.1.7 dev eth1 proto bird mtu 1400",
        "to fd09::1/128": "via fd01::7 dev eth0",
    }
    kernel.right(keep_former(placed, []))
    kernel.right(set_now(placed, []))
    assert found(kernel, wanted) == WAYS
    kernel.right(set_now(placed, []))  # as often as one likes
    for _ in range(2):
        kernel.right(put_back(placed, []))
        assert kernel.right("ip route; ip -6 route") == before

    kernel.right(set_now(placed, []))
    kernel.right(set_now([], placed))
    left = kernel.right("ip route show table main; ip -6 route show table main")
    assert not any(one.way in left for one in placed)
    kernel.right(set_now([], placed))  # what is gone already is no error


def test_a_route_by_others_that_wins_is_shown_and_the_change_fails(kernel: Namespace) -> None:
    wanted = HostRoutes(ROUTES[:1])
    placed = [read_seen(kernel.right(wanted.probe())).place(ROUTES[0])]
    kernel.right("ip route add 10.9.0.0/24 via 10.1.0.9")
    assert found(kernel, wanted) == {"to 10.9.0.1/32": "via 10.1.0.9 dev eth0, by another route"}
    kernel.right("ip rule add to 10.9.0.1 table 77; ip route add 10.9.0.1 via 10.1.1.7 table 77")
    assert found(kernel, wanted) == {"to 10.9.0.1/32": "via 10.1.1.7 dev eth1"}
    code, _, said = kernel(set_now(placed, []))
    assert code == 1
    assert said.startswith("10.9.0.1/32 via 10.1.0.9 dev eth0: another route has the last word: 10.9.0.1 via 10.1.1.7")
    assert "ip rule" in said


@pytest.mark.parametrize(
    ("hop", "interface", "words"),
    [
        ("192.0.2.1", "", "no interface is on a network of the next hop 192.0.2.1 (RTNETLINK answers: Network is unr"),
        ("10.9.0.9", "", "the next hop 10.9.0.9 is itself behind 10.1.0.9"),
        ("10.1.0.2", "", "the next hop 10.1.0.2 is the host's own address"),
        ("10.1.0.9", "eth7", 'no interface is on a network of the next hop 10.1.0.9 (Cannot find device "eth7"'),
    ],
)
def test_a_next_hop_that_no_route_can_have_is_an_error(kernel: Namespace, hop: str, interface: str, words: str) -> None:
    kernel.right("ip route add 10.9.0.0/24 via 10.1.0.9")
    wanted = HostRoutes((route("10.7.0.1", hop),), interface)
    state = wanted.actual(kernel.right(wanted.probe()))  # a probe never fails
    with pytest.raises(HostError) as error:
        wanted.desired(state)
    assert words in str(error.value)


def test_an_interface_that_is_named_is_used(kernel: Namespace) -> None:
    wanted = HostRoutes((route("fd09::1", "fe80::9"),), "eth1")
    assert read_seen(kernel.right(wanted.probe())).place(wanted.routes[0]).way == "via fe80::9 dev eth1"


def test_without_routes_and_files_nothing_differs(kernel: Namespace) -> None:
    wanted = HostRoutes(())
    state = wanted.actual(kernel.right(wanted.probe()))
    assert GONE not in state.values()
    assert [name for name, value in wanted.desired(state).items() if value != state[name]] == []
