"""Moor's lines in a file of others: the others stay as they are, whatever they say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from moor.formats.marked_block import with_block, without_block

LINES = st.lists(
    st.sampled_from(["", "a=1", "[main]", "# BEGIN moor x", "# END moor x", "# BEGIN moor y", "# END moor y", "  b "]),
    max_size=8,
)
FILES = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n"]))
OWN = st.lists(st.from_regex(r"[a-z]=[0-9]", fullmatch=True), max_size=3)


@given(FILES, OWN, st.sampled_from(["", "[main]"]))
def test_writing_twice_writes_once_and_taking_out_leaves_the_lines_of_others(
    content: str, own: list[str], below: str
) -> None:
    once = with_block(content, "x", own, below)
    assert with_block(once, "x", own, below) == once
    left, marks = without_block(once, "x").splitlines(), {"# BEGIN moor x", "# END moor x"}
    assert not marks & {line.strip() for line in left}
    others = without_block(content, "x").splitlines()
    assert left in (others, [*others, "[main]"])


@given(FILES, OWN, OWN)
def test_new_lines_take_the_place_of_the_former_ones(content: str, first: list[str], second: list[str]) -> None:
    assert with_block(with_block(content, "x", first), "x", second) == with_block(content, "x", second)


def test_a_section_is_entered_below_its_head_or_made() -> None:
    assert with_block("[main]\ngpgcheck=1\n", "x", ["a=1"], "[main]").splitlines()[:3] == [
        "[main]", "# BEGIN moor x", "a=1",
    ]  # fmt: skip
    assert with_block("[other]", "x", ["a=1"], "[main]").splitlines()[:3] == ["[other]", "[main]", "# BEGIN moor x"]
