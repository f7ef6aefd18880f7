"""No two labs of the tests are on one network, where one run would tear down what another test has booted."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.harness.labs import DEFAULT_BASE, MOORED, OFFSETS, fleet_of_lab

TESTS = Path(__file__).parent
CONTRIBUTING = TESTS.parent / "CONTRIBUTING.md"
NAMED = re.compile(r'(?:fleet_of_lab|fleet_running|guarded_host)\(\s*(?:lab=)?"([^"]+)"')
BOOTING = TESTS / "lab", TESTS / "tasks", TESTS / "faults"


def bases() -> list[int]:
    """Return the base that tests use unless told otherwise, and the ones that CONTRIBUTING proposes."""
    return [DEFAULT_BASE, *map(int, re.findall(r"MOOR_LAB_NETWORK=(\d+)", CONTRIBUTING.read_text()))]


def test_each_lab_has_its_own_network_name_and_directory_for_every_proposed_base(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleets = []
    for base in bases():
        monkeypatch.setenv("MOOR_LAB_NETWORK", str(base))
        fleets += [fleet_of_lab(name) for name in OFFSETS]
    assert len(bases()) > 1
    for shared in ("network", "name", "directory"):
        assert max(Counter(getattr(fleet, shared) for fleet in fleets).values()) == 1, shared
    # The second part of an address ends at 255.
    assert all(fleet.network.network_address.packed[1] <= 254 for fleet in fleets)


def test_each_lab_is_booted_by_one_module_alone() -> None:
    """A second module would be another process's, but for the labs of the conftests, whose tests stay together."""
    modules = [path for folder in BOOTING for path in folder.rglob("*.py")]
    named = {(name, path.name) for path in modules for name in NAMED.findall(path.read_text())}
    assert {name for name, _ in named} == set(OFFSETS) - set(MOORED)  # these are booted by their fixture alone
    assert max(Counter(name for name, _ in named).values()) == 1, sorted(named)
