"""Holds: what they cover, how a host keeps them, and words that are wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.context import HoldOrder
from moor.engine.holds import HeldHere, Hold, holds_in, today
from moor.run.holding import script_of
from tests.harness.closed import Site
from tests.harness.commands import Done, moor_here
from tests.harness.shells import SHELLS, sh

TOMORROW = today() + timedelta(days=1)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(name=text.filter(bool), who=text, reason=text, until=st.dates(min_value=date(2000, 1, 1)))
def test_a_hold_is_what_was_written(name: str, who: str, reason: str, until: date) -> None:
    hold = Hold(name, until, who, reason)
    state = HeldHere().actual(f"{hold.content}\n")
    assert holds_in(state, until) == (hold,)
    if until < date.max:
        assert holds_in(state, until + timedelta(days=1)) == ()  # ends by itself


@pytest.mark.parametrize(
    "line", ["", "x", "{", "[]", '{"id": "a"}', '{"id": "a", "until": "soon", "who": "", "reason": ""}']
)
def test_a_hold_that_cannot_be_read_holds_everything(line: str) -> None:
    found = holds_in({"holds": f"{line}\n"}, today())
    assert len(found) == bool(line)
    assert all(hold.covers("file:/etc/hosts") and "cannot read a file" in hold.reason for hold in found)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_host_keeps_shows_and_forgets_holds(shell: str, tmp_path: Path) -> None:
    folder = f"{tmp_path}/it's here"
    here = HeldHere(folder)

    def held() -> list[str]:
        done = sh(shell, here.probe())
        assert (done.returncode, done.stderr) == (0, b"")
        return [hold.id for hold in holds_in(here.actual(done.stdout.decode()), today())]

    assert held() == []  # a bare host
    for name in ("*", "file:/etc/x y", "service:containerd"):
        order = HoldOrder(name, TOMORROW.isoformat(), 'it\'s "my" turn; $(reboot)')
        assert sh(shell, script_of(order, folder)).returncode == 0
    assert held() == ["*", "file:/etc/x y", "service:containerd"]
    assert sh(shell, script_of(order, folder)).returncode == 0
    assert held() == ["*", "file:/etc/x y", "service:containerd"]  # the second of one id replaces the first
    assert sh(shell, script_of(HoldOrder("file:/etc/x y", releases=True), folder)).returncode == 0
    assert held() == ["*", "service:containerd"]
    assert sh(shell, script_of(HoldOrder(releases=True), folder)).returncode == 0
    assert held() == []
    assert sh(shell, script_of(HoldOrder(releases=True), folder)).returncode == 0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site")).build()
    yield site
    for door in site.doors.values():
        door.close()


def run(site: Site, *words: str) -> Done:
    return moor_here(site.folder, *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hold", "node1"), "say until when, and why: moor hold node1 --until 3d --reason"),
        (("hold", "node1", "--until", "3d"), "say until when, and why"),
        (("hold", "node1", "--until", "soon", "--reason", "x"), "--until soon: not a day; write one such as"),
        (("hold", "node1", "--until", "2020-01-01", "--reason", "x"), "must be a day from today"),
        (("hold", "node1", "--until", "999d", "--reason", "x"), "within a year"),
        (("hold", "--until", "3d", "--reason", "x"), "name what is held"),
        (("hold", "nod1", "--until", "3d", "--reason", "x"), "did you mean node1?"),
        (("hold", "node1", "--limit", "cp1", "--until", "3d", "--reason", "x"), "by --limit, not by both"),
        (("hold", "file:/etc/host", "--until", "3d", "--reason", "x"), "no host is known to have file:/etc/host"),
        (("release",), "HOST|ID"),
    ],
)
def test_wrong_words_are_one_error_before_any_host_is_asked(site: Site, words: tuple[str, ...], said: str) -> None:
    done = run(site, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert site.called() == []


def test_an_id_is_held_on_the_hosts_that_have_it(site: Site) -> None:
    done = run(
        site, "hold", "edit:/etc/hosts#*", "--until", "3d", "--reason", "x", "--output", "json", "--limit", "ws1"
    )
    assert list(json.loads(done.stdout)["hosts"]) == ["ws1"]
    assert done.returncode == 1  # nobody answers there
