"""The controller is killed at any moment of an apply: the same command goes on from there, and nobody mends by hand.

MOOR_KILLS says how many moments are tried; the seed is fixed, so that a moment that did harm is found again.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from tests.harness.waiting import after
from tests.lab.conftest import Moored
from tests.lab.drifting import drifted

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1800)]

SEED, KILLS = 20261124, int(os.environ.get("MOOR_KILLS", "3"))
NODES = ("cp1", "node1", "node2", "node3")
LEFT = "find /etc /usr/local /var/lib/moor /opt -xdev -name '.*.moor' 2>/dev/null; flock -n /run/moor.lock echo free"


def test_after_a_kill_at_any_moment_the_same_command_converges(moored: Moored) -> None:
    defaults = moored.moor.site / "inventory/defaults.yaml"
    kept = defaults.read_text()
    moments = random.Random(SEED)  # noqa: S311 - the same moments in every run
    try:
        for number in range(KILLS):
            extra = f"  containerd: {{extra: {{oom_score: {-900 - number}}}}}\n"
            extra += f"  names: {{hosts: {{turn{number}.moor.test: 10.99.0.9}}}}\n"
            defaults.write_text(kept.replace("data:\n", f"data:\n{extra}", 1))
            after_s = moments.uniform(0.5, 6)
            killed(moored, after_s)
            holds(moored, f"seed {SEED}, kill {number}, after {after_s:.3f} s")
    finally:
        defaults.write_text(kept)
        assert moored.moor("apply", "--yes").returncode == 0


def killed(moored: Moored, after_s: float) -> None:
    argv = [sys.executable, "-m", "moor", "apply", "--yes", "--site", str(moored.moor.site)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        after(after_s)
        process.kill()


def holds(moored: Moored, moment: str) -> None:
    """Apply once more, and find nothing half, nothing left, no restart lost."""
    again = moored.moor("apply", "--yes")
    assert again.returncode == 0, f"{moment}\n{again.stdout}{again.stderr}"
    found = drifted(moored)
    assert (found.code, found.open) == (0, {}), moment
    assert [moored.lab.exec(name, ["sh", "-c", LEFT]) for name in NODES] == ["free\n"] * len(NODES), moment
