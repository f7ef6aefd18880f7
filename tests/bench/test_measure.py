"""What a command costs: everything that it starts counts, and nothing of it is left."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.measure import Client, Command

pytestmark = pytest.mark.lab  # it needs a control group, hence root

WORK = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(f"measured-{os.getpid()}")
    yield client
    assert not client.group.path.exists()


def test_children_count_too_and_those_that_stay_are_ended(client: Client, tmp_path: Path) -> None:
    alone = client.run(Command(("sh", "-c", WORK), tmp_path))
    script = f"sleep 600 & echo said; echo told >&2; sh -c '{WORK}'; sh -c '{WORK}'; exit $WITH"
    both = client.run(Command(("sh", "-c", script), tmp_path, {"WITH": "7"}))
    assert (both.code, both.stdout, both.stderr) == (7, "said\n", "told\n")
    assert both.cpu_s > alone.cpu_s > 0


def test_memory_is_that_of_all_processes(client: Client, tmp_path: Path) -> None:
    hold = "held = bytearray(80_000_000); time.sleep(2)"
    one = client.run(Command((sys.executable, "-c", f"import time; {hold}"), tmp_path))
    fork = f"import os, time; child = os.fork(); {hold}; child and os.wait()"
    two = client.run(Command((sys.executable, "-c", fork), tmp_path))
    assert 80 < one.peak_mb < 120
    assert two.peak_mb > 160
