"""Ctrl-C and SIGTERM on real hosts: an end in time that says host by host what was and was not done."""

from __future__ import annotations

import signal

import pytest

from tests.faults.conftest import HOLD, RESET, SERVED, WELL, Berth
from tests.harness.waiting import eventually

pytestmark = pytest.mark.lab
END_S = 5


def interrupted(berth: Berth, number: signal.Signals, held: str, *hosts: str) -> str:
    """Apply to some hosts, send a signal once ``held`` is in the middle of its script, and give what was said."""
    with berth.applying(*hosts) as process:
        assert eventually(lambda: berth.held(held), 90)
        process.send_signal(number)
        process.wait(END_S)
        out, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert berth.moor("history").stdout.count("apply (interrupted)") >= 1
    return out


def test_while_a_host_hangs_in_a_script_the_run_ends_and_the_script_goes_on_to_its_end(berth: Berth) -> None:
    berth.sh("bash", RESET)
    berth.hook("bash", HOLD)
    out = interrupted(berth, signal.SIGINT, "bash", "bash")
    assert "interrupted: 0 changed, 0 failed before that\n  bash: under way: moor_berth\n" in out
    assert "run the same command again to go on" in out
    berth.sh("bash", "rm /run/berth-held")
    whole = "test -s /etc/berth/shared.conf && flock -n /run/moor.lock echo free || :"
    assert eventually(lambda: berth.sh("bash", whole) == "free\n", 30)
    assert set(berth.apply("bash").statuses("bash").values()) == {"ok"}


def test_in_the_middle_of_a_rolling_stage_the_rest_is_told_as_not_begun(berth: Berth) -> None:
    for name in SERVED:
        berth.sh(name, RESET)
    assert berth.apply(*SERVED).code == 0
    first, second, third = SERVED
    for name in SERVED:
        berth.sh(name, "echo changed >/etc/berth/app.conf; systemctl stop berth")
    # the file's own check comes first and takes the hook; the service's is the second
    berth.hook(second, f"cat >/run/berth-hook <<'END'\nrm /run/berth-hook\n{HOLD}\nEND")
    out = interrupted(berth, signal.SIGTERM, second, *SERVED)
    assert f"  ~ service:berth  [{first}]\n" in out
    assert f"  {first}: done\n  {second}: under way: serve\n  {third}: not begun: serve\n" in out
    berth.sh(second, "rm /run/berth-held")
    assert eventually(lambda: berth.apply(*SERVED).code == 0, 60)
    for name in SERVED:
        assert berth.sh(name, "systemctl is-active berth") == "active\n"


def test_a_service_that_will_not_come_back_stops_the_roll_out_and_says_what_to_do(berth: Berth) -> None:
    for name in SERVED:
        berth.sh(name, RESET)
    assert berth.apply(*SERVED).code == 0
    first, *rest = SERVED
    for name in SERVED:
        berth.sh(name, "systemctl stop berth")
    berth.sh(first, "touch /run/berth-sick")
    applied = berth.apply()
    assert applied.code == 1
    assert "service:berth: mending failed" in applied.error(first)
    for name in rest:
        assert applied.error(name) == f"skipped at serve: stopped: {first} failed"
    assert applied.error(WELL) == ""
    berth.sh(first, "rm /run/berth-sick")
    assert berth.apply(*SERVED).code == 0
