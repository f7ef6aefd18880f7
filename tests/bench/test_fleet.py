"""Names of a fleet that is larger than its hosts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.fleet import aliases, host_of, names
from bench.large import STEP, layer_of
from moor_lab.fleet import MAX_HOSTS


@given(st.integers(1, 300), st.integers(1, 40))
def test_names_are_shared_out_evenly(count: int, hosts: int) -> None:
    found = aliases(count, hosts)
    assert len(set(found)) == len(found) == count
    assert {host_of(name) for name in found} <= set(names(hosts))
    assert {layer_of(name) for name in found} == set(range(-(-count // hosts)))


@pytest.mark.parametrize(("name", "layer"), [("h0001", 0), ("h0001-2", 1), ("h0999-5", 4)])
def test_a_name_says_which_of_the_addresses_it_has(name: str, layer: int) -> None:
    assert layer_of(name) == layer


def test_addresses_of_one_host_meet_no_other_host() -> None:
    assert STEP > MAX_HOSTS
