"""Which host begins when, and how many at once: decided without hosts and without a clock."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from functools import partial
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.runner.admission import ALONE, LONGEST_PAUSE_S, NEVER, Admission, Window

PATIENCE_S = 8.0


def admission(first: int = 10, most: int = 100, way: int = 10) -> Admission:
    return Admission(Window(first, most), partial(Window, way, most), PATIENCE_S)


def begun(decided: Admission, now: float = 0.0) -> list[str]:
    """Return every host that begins now."""
    found = []
    while name := decided.next(now):
        found.append(name)
    return found


@dataclass
class Crowd:
    """Hosts of several ways, whose sshd bear ``bears`` logins at once each; a login takes a while."""

    decided: Admission
    bears: int
    logging_in: Counter[str] = field(default_factory=Counter)
    most_at_once: int = 0

    def run(self, ways: dict[str, str]) -> dict[str, str]:
        """Return how each host ended."""
        for name, way in ways.items():
            self.decided.add(name, way)
        under_way, ended = deque[tuple[str, bool]](), dict[str, str]()
        for step in count():
            assert step < 100_000, "it does not come to an end"
            now = step / 100
            for name in begun(self.decided, now):
                refused = self.logging_in[ways[name]] >= self.bears
                under_way.append((name, refused))
                self.logging_in[ways[name]] += not refused
                self.most_at_once = max(self.most_at_once, len(under_way))
            if not under_way:
                if self.decided.due() == NEVER:
                    return ended
                continue
            name, refused = under_way.popleft()
            if refused and self.decided.refused(name, now):
                continue
            self.logging_in[ways[name]] -= not refused
            if not refused:
                self.decided.logged_in(name)
            self.decided.done(name)
            ended[name] = "given up" if refused else "done"
        raise AssertionError


@given(st.lists(st.integers(0, 3), max_size=120), st.integers(1, 12), st.integers(1, 60))
def test_every_host_comes_to_its_turn_once_whatever_its_sshd_bears(ways: list[int], bears: int, first: int) -> None:
    hosts = {f"host{number}": f"way{way}" for number, way in enumerate(ways)}
    ended = Crowd(admission(first), bears).run(hosts)
    assert ended == dict.fromkeys(hosts, "done")


@given(st.integers(1, 200), st.integers(1, 60), st.integers(1, 60))
def test_never_more_hosts_are_under_way_than_the_most(hosts: int, first: int, most: int) -> None:
    crowd = Crowd(admission(min(first, most), most), 1000)
    crowd.run({f"host{number}": f"way{number}" for number in range(hosts)})
    assert crowd.most_at_once <= most


def test_hosts_of_a_way_without_room_let_others_pass() -> None:
    decided = admission(way=2)
    for number in range(5):
        decided.add(f"crowd{number}", "one address")
    decided.add("other", "its own address")
    assert begun(decided) == ["crowd0", "crowd1", "other"]
    decided.logged_in("crowd0")
    assert begun(decided) == ["crowd2", "crowd3"]  # one has left, and the success has raised the window


def test_a_host_that_is_logged_in_needs_no_room_of_a_way() -> None:
    decided = admission(first=3)
    for number in range(4):
        decided.add(f"host{number}", "")
    assert begun(decided) == ["host0", "host1", "host2"]
    decided.logged_in("host0")
    decided.done("host0")
    assert begun(decided) == ["host3"]


def test_a_host_that_refuses_for_good_is_given_up_after_growing_pauses() -> None:
    decided = admission()
    decided.add("shut", "its own address")
    pauses, now = [], 0.0
    assert decided.next(now) == "shut"
    while decided.refused("shut", now):
        assert decided.next(now) is None
        pauses.append(decided.due() - now)
        now = decided.due()
        assert decided.next(now) == "shut"
    decided.done("shut")
    assert len(pauses) == ALONE - 1
    assert pauses == sorted(pauses)
    assert pauses[-1] <= LONGEST_PAUSE_S
    assert decided.whole.busy == 0


def test_refusals_of_one_moment_halve_the_window_once_and_it_rises_again_slowly() -> None:
    window = Window(16, 100)
    entered = [window.enter() for _ in range(16)]
    for number in entered[:10]:
        window.refuse(number)
        window.leave()
    assert window.limit == 8
    for _ in range(6):
        window.leave()
    needed = 0
    while window.limit == 8:
        window.succeed()
        needed += 1
    assert needed > 8
    assert window.limit == 9


def test_a_window_that_never_was_refused_rises_with_each_success_to_the_most() -> None:
    window = Window(2, 5)
    limits = []
    for _ in range(5):
        window.succeed()
        limits.append(window.limit)
    assert limits == [3, 4, 5, 5, 5]


def test_a_lack_of_descriptors_lowers_how_many_are_under_way_on_the_whole() -> None:
    decided = admission(first=8)
    for number in range(8):
        decided.add(f"host{number}", f"way{number}")
    assert len(begun(decided)) == 8
    assert [decided.lacked(f"host{number}", 0.0) for number in range(4)] == [True] * 4
    assert decided.whole.limit == 4
    assert decided.due() == NEVER  # the others have to end first
    for number in range(4, 8):
        decided.logged_in(f"host{number}")
        decided.done(f"host{number}")
    assert begun(decided, decided.due()) == ["host0", "host1", "host2", "host3"]


def test_a_host_that_turns_out_to_share_an_address_waits_for_room_there() -> None:
    decided = admission(way=1)
    decided.add("one", "10.0.0.1:22")
    decided.add("two", "two.example:22")
    assert begun(decided) == ["one", "two"]
    assert not decided.goes_on("two", "10.0.0.1:22")
    assert begun(decided) == []
    decided.logged_in("one")
    assert begun(decided) == ["two"]
    assert decided.whole.busy == 2


@pytest.mark.parametrize("told", [1, 7])
def test_a_number_that_was_told_is_kept(told: int) -> None:
    crowd = Crowd(Admission(Window(told, told), partial(Window, 10, 100), PATIENCE_S), 1000)
    assert set(crowd.run({f"host{number}": f"way{number}" for number in range(50)}).values()) == {"done"}
    assert crowd.most_at_once == told
