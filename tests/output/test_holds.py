"""What ``moor hold`` and ``moor release`` say of hosts that did not answer."""

from __future__ import annotations

import pytest

from moor.context import HoldOrder
from moor.output.holds import render_holds
from tests.history.reports import a_run


@pytest.mark.parametrize(
    ("order", "last"),
    [
        (HoldOrder(), "hold: nothing is known; 1 of 1 host failed"),
        (HoldOrder(releases=True), "release: nothing was done; 1 of 1 host failed"),
    ],
)
def test_of_hosts_that_are_not_reached_nobody_knows_what_is_held(order: HoldOrder, last: str) -> None:
    assert render_holds(a_run({}, unexamined=("node1",)), order).splitlines()[-1] == last


def test_hosts_with_the_same_error_share_a_line() -> None:
    lines = render_holds(a_run({}, unexamined=("node1", "node2", "node3")), HoldOrder()).splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("  ! node1 node2 node3: ")


def test_what_the_others_hold_is_said() -> None:
    text = render_holds(a_run({"node1": {}}, unexamined=("node2",)), HoldOrder())
    assert text.splitlines()[-1] == "hold: nothing is held; 1 of 2 hosts failed"
