"""A check of network devices is measured on devices that are as they should be, beside the same reads alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.devices.measure import STAND_IN, bare_command
from bench.standin_process import serving
from tests.harness.commands import moor_here

DEVICES = 3


def test_a_check_logs_in_once_and_reads_the_same_as_the_bare_reads(tmp_path: Path) -> None:
    with serving(STAND_IN, tmp_path, DEVICES) as server:
        words = ("drift", "--runbook", "devices", "--quiet")
        first = moor_here(tmp_path / "site", *words)
        assert (first.returncode, "drift: clean; 3 of 3 hosts examined" in first.stdout) == (0, True), first.said
        assert server.asked() == [DEVICES, 2 * DEVICES]
        assert moor_here(tmp_path / "site", *words).returncode == 0
        assert server.asked() == [DEVICES, 2 * DEVICES]
        command = bare_command(tmp_path, int(server.first), DEVICES)
        done = subprocess.run(
            command.argv, cwd=command.directory, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.stdout == f"{2 * DEVICES}\n", done.stderr
        assert server.asked() == [DEVICES, 2 * DEVICES]
