"""How much is measured, as the environment says it."""

from __future__ import annotations

import pytest

from bench.contenders.everybody import TOOLS
from bench.scale import asked, chosen, numbers
from moor.errors import InputError


def test_sizes_are_read_in_order_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_SIZES", "50, 10,50")
    assert asked(TOOLS).sizes == [10, 50]


@pytest.mark.parametrize("words", ["ten", "10,,50", "0", "-3", "", "1001", "²"])
def test_sizes_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("BENCH_SIZES", words)
    with pytest.raises(InputError, match="BENCH_SIZES: numbers from 1 to 1000"):
        numbers("BENCH_SIZES", "10,50", 1000)


def test_moor_is_measured_beside_whoever_is_chosen() -> None:
    assert chosen("ssh, ansible", TOOLS) == ["moor", "ssh", "ansible"]
    assert chosen(",".join(TOOLS), TOOLS) == list(TOOLS)


def test_a_tool_that_takes_no_part_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="nobody is called chef"):
        chosen("moor,chef", TOOLS)
