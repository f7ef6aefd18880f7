"""What has no bound of its own is ended at its bound, whichever of many comes first, and nothing else is."""

from __future__ import annotations

from threading import Event

from moor.connections.ssh.watchdog import Watchdog

LONG_S, SHORT_S, PATIENCE_S = 600, 0.1, 20


def test_only_what_takes_longer_than_its_bound_is_acted_on() -> None:
    watchdog, late, early = Watchdog(), Event(), Event()
    with watchdog.limit(LONG_S, early.set), watchdog.limit(SHORT_S, late.set):  # the shorter one comes second
        assert late.wait(PATIENCE_S)
    assert not early.is_set()


def test_what_ends_in_time_is_left_alone_and_the_next_is_watched_too() -> None:
    watchdog, called_off, late = Watchdog(), Event(), Event()
    with watchdog.limit(SHORT_S, called_off.set):
        pass
    with watchdog.limit(3 * SHORT_S, late.set):
        assert late.wait(PATIENCE_S)
    assert not called_off.is_set()


def test_an_action_that_hangs_keeps_no_other_waiting() -> None:
    watchdog, stuck, late, end = Watchdog(), Event(), Event(), Event()

    def hang() -> None:
        stuck.set()
        end.wait(PATIENCE_S)

    with watchdog.limit(SHORT_S, hang):
        assert stuck.wait(PATIENCE_S)
        with watchdog.limit(SHORT_S, late.set):
            assert late.wait(PATIENCE_S)
    end.set()
