"""The plan without the network plans every node, and says what each phase took."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench.contenders.contender import ROOT


def test_every_node_is_planned_and_every_phase_measured() -> None:
    argv = [sys.executable, "-m", "bench.without_network", "--hosts", "3"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert done.stderr == "plan: no changes; 66 as they should be\n"
    found = json.loads(done.stdout)
    whole, *_ = [found.pop(name) for name in ("all", "hosts", "peak_mb")]
    assert whole == pytest.approx(sum(found.values()), abs=0.01)
