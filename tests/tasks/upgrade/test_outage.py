"""How long pulls failed is measured from the last that worked to the first that works again."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.tasks.upgrade.counts import counts_text, fewer, parse_counts
from moor.tasks.upgrade.outage import Outage, settle, watch

COUNTS = st.dictionaries(st.sampled_from(["projects", "robots", "users"]), st.integers(0, 10**6))


def outage(answers: str, last_good: float = 0.0) -> Outage:
    """Note a request a second: + worked, - failed."""
    found = Outage(last_good=last_good)
    for second, answer in enumerate(answers, 1):
        found.note(answer == "+", float(second), second + 0.1)
    return found


@pytest.mark.parametrize(
    ("answers", "seconds", "words"),
    [
        ("+++", 0.0, "no pull failed (3 tried)"),
        ("+--+", 3.1, "pulls failed for 3 s (2 of 4 tried)"),
        ("-+", 2.1, "pulls failed for 2 s (1 of 2 tried)"),
        ("+-+-+", 4.1, "pulls failed for 4 s (2 of 5 tried)"),  # one outage, however it flickers
    ],
)
def test_an_outage_reaches_from_the_last_good_pull_to_the_next(answers: str, seconds: float, words: str) -> None:
    found = outage(answers)
    assert found.seconds == pytest.approx(seconds)
    assert found.text == words


def test_an_outage_that_lasts_is_told_as_such() -> None:
    assert outage("+-").text.endswith(", and still do")


def test_pulls_are_tried_while_the_block_runs_and_no_longer() -> None:
    answers = iter([True, False, False, True])
    asked = threading.Event()

    def pull() -> bool:
        answer = next(answers, None)
        if answer is None:
            asked.set()
        return answer is not False

    with watch(pull) as found:
        assert asked.wait(10)
        settle(found, 5)
    assert (found.failures, found.answered_at is not None) == (2, True)


@given(COUNTS)
def test_counts_survive_the_journal(counts: dict[str, int]) -> None:
    assert parse_counts(counts_text(counts)) == counts
    assert fewer(counts, counts) == []


@given(COUNTS, COUNTS)
def test_whatever_there_is_less_of_is_told(before: dict[str, int], after: dict[str, int]) -> None:
    less = {line.partition(":")[0] for line in fewer(before, after)}
    assert less == {name for name in before if after.get(name, 0) < before[name]}
