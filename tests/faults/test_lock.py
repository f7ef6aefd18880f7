"""Two controllers at once on one host: the second says who holds the lock since when, and a dead holder's is free."""

from __future__ import annotations

import re
import signal
from dataclasses import replace

import pytest

from moor.engine import shell_functions
from tests.faults.conftest import HOLD, RESET, WELL, Berth
from tests.harness.waiting import eventually
from tests.lab.moored import MoorHere

pytestmark = pytest.mark.lab
NAME = "bash"
OPENED = "ls -l /proc/[0-9]*/fd/9 2>/dev/null | grep -o '/proc/[0-9]*/fd/9 -> /run/moor.lock$'"


def test_of_two_controllers_at_once_the_second_says_who_holds_the_lock_since_when(
    berth: Berth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_functions, "WAIT_S", 3)  # rather than a minute; it is read in this process
    here = replace(berth, moor=MoorHere(berth.lab, berth.moor.site))
    for name in (NAME, WELL):
        berth.sh(name, RESET)
    berth.hook(NAME, HOLD)
    with berth.applying(NAME, WELL) as first:
        assert eventually(lambda: berth.held(NAME), 60)
        # the other host is done meanwhile, though this one hangs
        assert eventually(lambda: berth.sh(WELL, "cat /etc/berth/shared.conf 2>/dev/null || :") != "", 60)
        second = here.apply(NAME)
        berth.sh(NAME, "rm /run/berth-held")
        told, _ = first.communicate(timeout=60)
    assert first.returncode == 0, told
    assert second.code == 1
    said = r"another run holds the lock of this host: (\S+) of \S+@\S+, since \S+ \S+ UTC, pid \d+; wait"
    found = re.search(said, second.error(NAME))
    assert found, second.error(NAME)
    assert found[1] in berth.moor("history").stdout
    assert berth.apply(NAME).code == 0


def test_what_a_killed_controller_left_behind_is_waited_for(berth: Berth) -> None:
    berth.sh(NAME, RESET)
    berth.hook(NAME, HOLD)
    with berth.applying(NAME) as first:
        assert eventually(lambda: berth.held(NAME), 60)
        first.send_signal(signal.SIGKILL)
    holder = berth.sh(NAME, OPENED)
    with berth.applying(NAME) as second:
        assert eventually(lambda: berth.sh(NAME, OPENED) != holder, 60)
        berth.sh(NAME, "rm /run/berth-held")
        told, _ = second.communicate(timeout=60)
    assert second.returncode == 0, told
    after = berth.apply(NAME)
    assert (after.code, set(after.statuses(NAME).values())) == (0, {"ok"})


def test_the_lock_of_a_script_that_was_killed_is_taken_over(berth: Berth) -> None:
    berth.sh(NAME, RESET)
    berth.hook(NAME, HOLD)
    with berth.applying(NAME) as first:
        assert eventually(lambda: berth.held(NAME), 60)
        berth.sh(NAME, "p=$(sed 's/.*pid //' /run/moor.lock); kill -9 -$(ps -o pgid= $p | tr -d ' ')")
        told, _ = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "file:/etc/berth/app.conf: it is unknown whether it was done" in told
    again = berth.apply(NAME)
    assert (again.code, set(again.statuses(NAME).values())) == (0, {"ok", "changed"})
