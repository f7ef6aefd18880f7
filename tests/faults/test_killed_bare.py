"""The controller is killed at any moment of the first apply to bare hosts; the fleet that stands is killed elsewhere.

MOOR_KILLS says how many moments are tried; the seed is fixed, so that a moment that did harm is found again.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.faults.conftest import RESET, SERVED, WELL, Berth
from tests.harness.waiting import after

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

SEED, KILLS = 20261125, int(os.environ.get("MOOR_KILLS", "2"))
HOSTS = (WELL, "bash", "busybox", *SERVED)


def test_after_a_kill_at_any_moment_of_the_first_apply_the_same_command_converges(berth: Berth) -> None:
    moments = random.Random(SEED)  # noqa: S311 - the same moments in every run
    for number in range(KILLS):
        after_s = moments.uniform(0.3, 5)
        moment = f"seed {SEED}, kill {number}, after {after_s:.3f} s"
        for name in HOSTS:
            berth.sh(name, RESET)
        with berth.applying(*HOSTS) as process:
            after(after_s)
            process.kill()
        again = berth.apply(*HOSTS)
        assert again.code == 0, f"{moment}: {again}"
        planned = berth.moor("plan", "berth", "--limit", ",".join(HOSTS))
        assert planned.returncode == 0, f"{moment}: {planned.stdout}"
        for name in HOSTS:
            berth.is_right(name)
