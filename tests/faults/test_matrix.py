"""Every fault alone, and all of them in one run: the right state or one clear error, and nobody else is held up."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.faults.conftest import RESET, WELL, Applied, Berth
from tests.faults.inflicted import FAULTS, Fault

pytestmark = pytest.mark.lab


def as_it_must(berth: Berth, applied: Applied, fault: Fault) -> None:
    """Check what came of a fault."""
    error = applied.error(fault.host)
    if fault.said:
        assert [words for words in fault.said if words not in error] == [], error
        assert "internal error" not in error
        assert "Traceback" not in applied.stderr
    else:
        assert error == ""
        berth.is_right(fault.host)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.host)
def test_a_fault_alone_ends_in_the_right_state_or_in_one_clear_error(berth: Berth, fault: Fault) -> None:
    for name in (WELL, fault.host):
        berth.sh(name, RESET)
    with fault.inflict(berth, fault.host):
        applied = berth.apply(fault.host, WELL)
        as_it_must(berth, applied, fault)
    assert applied.code == (1 if fault.said else 0)
    assert (applied.error(WELL), set(applied.statuses(WELL).values())) == ("", {"ok", "changed"})
    berth.is_right(WELL)


def test_all_faults_at_once_hold_nobody_up_and_once_healed_the_same_command_converges(berth: Berth) -> None:
    for name in berth.lab.fleet.hosts:
        berth.sh(name, RESET)
    with ExitStack() as stack:
        for fault in FAULTS:
            stack.enter_context(fault.inflict(berth, fault.host))
        applied = berth.apply()
        for fault in FAULTS:
            as_it_must(berth, applied, fault)
    assert applied.code == 1
    faulty = {fault.host for fault in FAULTS if fault.said}
    assert {name for name in applied.hosts if applied.error(name)} == faulty
    for fault in FAULTS:
        berth.sh(fault.host, "rm -rf /etc/berth") if fault.host in ("large", "directory") else None
    again = berth.apply()
    assert (again.code, [again.error(name) for name in again.hosts if again.error(name)]) == (0, [])
    for name in again.hosts:
        berth.is_right(name)
