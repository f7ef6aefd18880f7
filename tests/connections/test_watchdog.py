"""The watchdog acts on blocks that exceed their time limit, and on no others."""

from __future__ import annotations

from threading import Event

from moor.connections.ssh.watchdog import Watchdog

LONG_S, SHORT_S, PATIENCE_S = 600, 0.1, 20


def test_the_action_runs_only_for_a_block_over_its_time_limit() -> None:
    watchdog, late, early = Watchdog(), Event(), Event()
    with watchdog.limit(LONG_S, early.set), watchdog.limit(SHORT_S, late.set):  # the shorter one comes second
        assert late.wait(PATIENCE_S)
    assert not early.is_set()


def test_no_action_runs_for_a_block_in_time_and_the_next_is_watched_too() -> None:
    watchdog, called_off, late = Watchdog(), Event(), Event()
    with watchdog.limit(SHORT_S, called_off.set):
        pass
    with watchdog.limit(3 * SHORT_S, late.set):
        assert late.wait(PATIENCE_S)
    assert not called_off.is_set()


def test_an_action_that_hangs_does_not_delay_others() -> None:
    watchdog, stuck, late, end = Watchdog(), Event(), Event(), Event()

    def hang() -> None:
        stuck.set()
        end.wait(PATIENCE_S)

    with watchdog.limit(SHORT_S, hang):
        assert stuck.wait(PATIENCE_S)
        with watchdog.limit(SHORT_S, late.set):
            assert late.wait(PATIENCE_S)
    end.set()
