"""Hosts are parted over workers: each is with one of them, and stays where it was as long as that lives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moor.workers.dispatch import assign_hosts

WORKERS = st.lists(st.sampled_from("abcdef"), unique=True, min_size=1)
NAMES = st.lists(st.integers(0, 60).map(str), unique=True)


@given(NAMES, st.dictionaries(st.integers(0, 60).map(str), st.sampled_from("abcdef")), WORKERS)
def test_every_host_is_with_one_worker_and_stays_where_it_was(
    names: list[str], homes: dict[str, str], workers: list[str]
) -> None:
    parts = assign_hosts(names, homes, workers)
    assert sorted(name for part in parts.values() for name in part) == sorted(names)
    assert parts.keys() <= set(workers)
    for name in names:
        if homes.get(name) in workers:
            assert name in parts[homes[name]]


@given(NAMES, WORKERS)
def test_hosts_that_were_nowhere_are_spread_evenly(names: list[str], workers: list[str]) -> None:
    sizes = [len(part) for part in assign_hosts(names, {}, workers).values()]
    assert not sizes or max(sizes) - min(sizes) <= 1
    assert len(sizes) == min(len(names), len(workers))
