"""How much is measured, as the environment says it."""

from __future__ import annotations

import pytest

from bench.contenders.everybody import TOOLS
from bench.parts import PARTS, hosts_needed
from bench.scale import asked, numbers
from moor.errors import InputError


def test_sizes_are_read_in_order_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_SIZES", "50, 10,50")
    assert asked(TOOLS, PARTS).sizes == [10, 50]


@pytest.mark.parametrize("words", ["ten", "10,,50", "0", "-3", "", "1001", "²"])
def test_sizes_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("BENCH_SIZES", words)
    with pytest.raises(InputError, match="BENCH_SIZES: numbers from 1 to 1000"):
        numbers("BENCH_SIZES", "10,50", 1000)


@pytest.mark.parametrize(
    ("words", "found"), [("ssh, ansible", ["moor", "ssh", "ansible"]), (",".join(TOOLS), list(TOOLS))]
)
def test_moor_is_measured_beside_whoever_is_chosen(
    monkeypatch: pytest.MonkeyPatch, words: str, found: list[str]
) -> None:
    monkeypatch.setenv("BENCH_TOOLS", words)
    assert asked(TOOLS, PARTS).tools == found


def test_one_part_is_measured_without_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_PARTS", "fleet,planned")
    assert asked(TOOLS, PARTS).parts == ["planned", "fleet"]


@pytest.mark.parametrize("variable", ["BENCH_TOOLS", "BENCH_PARTS"])
def test_what_there_is_not_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "chef")
    with pytest.raises(InputError, match=f"{variable}: nothing is called chef"):
        asked(TOOLS, PARTS)


def test_a_directory_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_INTO", "/nowhere")
    with pytest.raises(InputError, match="BENCH_INTO: there is no directory /nowhere"):
        asked(TOOLS, PARTS)


def test_hosts_are_booted_for_the_parts_that_need_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_SIZES", "50,200")
    monkeypatch.setenv("BENCH_FAR", "400")
    needed = {}
    for part in PARTS:
        monkeypatch.setenv("BENCH_PARTS", part)
        needed[part] = hosts_needed(asked(TOOLS, PARTS))
    assert needed == {
        **dict.fromkeys(("sizes", "alone", "apply", "workers", "fleet"), 200),
        **{
            "planned": 0,
            "configuration": 0,
            "bundle": 0,
            "images": 0,
            "devices": 0,
            "ways": 0,
            "upload": 10,
            "host": 10,
            "distance": 400,
        },
    }
