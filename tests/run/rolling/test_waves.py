"""Which hosts of a roll-out take their turn together."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import InputError
from moor.run.rolling.amount import Amount, read_amount
from moor.run.rolling.waves import waves_of

HOSTS = tuple(f"node{number}" for number in range(1, 11))
AMOUNTS = st.builds(Amount, st.integers(1, 100), st.booleans())


def shown(*given: object) -> list[str]:
    return [f"{wave.name}: {' '.join(wave.hosts)}" for wave in waves_of(HOSTS, *given)]  # type: ignore[arg-type]


def test_a_canary_comes_before_the_batches_and_hosts_that_others_need_before_both() -> None:
    assert shown({"node1"}, Amount(2), Amount(3)) == [
        "hosts that come first: node1",
        "canary: node2 node3",
        "batch 1 of 3: node4 node5 node6",
        "batch 2 of 3: node7 node8 node9",
        "batch 3 of 3: node10",
    ]


def test_a_share_is_of_the_hosts_that_change_and_rounded_down() -> None:
    assert [wave.split(": ")[1] for wave in shown({"node1"}, None, Amount(25, is_share=True))] == [
        "node1",
        *("node2 node3", "node4 node5", "node6 node7", "node8 node9", "node10"),
    ]
    assert len(shown((), None, Amount(1, is_share=True))) == 10  # never less than one host


def test_a_canary_by_name_without_batches_leaves_all_others_together() -> None:
    rest = " ".join(name for name in HOSTS if name != "node7")
    assert shown((), {"node7"}, None) == ["canary: node7", f"the other hosts: {rest}"]


@given(
    hosts=st.lists(st.text(min_size=1, max_size=3), unique=True),
    batch=st.none() | AMOUNTS,
    canary=st.none() | AMOUNTS,
    data=st.data(),
)
def test_every_host_has_one_turn_in_its_order_and_no_batch_is_too_large(
    hosts: list[str], batch: Amount | None, canary: Amount | None, data: st.DataObject
) -> None:
    ahead = data.draw(st.sets(st.sampled_from(hosts))) if hosts else set()
    named = data.draw(st.sets(st.sampled_from(hosts))) if hosts and canary is None else None
    waves = waves_of(hosts, ahead, named if canary is None else canary, batch)
    assert sorted(chain.from_iterable(wave.hosts for wave in waves)) == sorted(hosts)
    rolled = len(hosts) - len(ahead)
    for wave in waves:
        assert wave.hosts == tuple(name for name in hosts if name in wave.hosts) != ()
        assert (wave.kind == "first") == bool(ahead & set(wave.hosts))
        if wave.kind == "batch" and batch:
            assert len(wave.hosts) <= max(1, batch.of(rolled))
    kinds = ["first", "canary", "batch", "rest"]
    assert [kinds.index(wave.kind) for wave in waves] == sorted(kinds.index(wave.kind) for wave in waves)


@pytest.mark.parametrize(
    ("word", "least", "amount"),
    [("3", 1, Amount(3)), ("10%", 1, Amount(10, True)), ("0", 0, Amount(0)), ("100%", 1, Amount(100, True))],
)
def test_an_amount_is_a_number_or_a_share(word: str, least: int, amount: Amount) -> None:
    assert read_amount("--batch", word, least) == amount
    assert str(amount) == word


@pytest.mark.parametrize("word", ["0", "0%", "101%", "-1", "half", "1.5", "5 %", "%", "٣"])
def test_what_is_no_amount_is_refused_by_the_option_s_name(word: str) -> None:
    with pytest.raises(InputError, match=f"^--batch {word}: "):
        read_amount("--batch", word, 1)
