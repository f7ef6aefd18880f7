"""JSON of other people: what is put in or taken out is all that moves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.formats.json_text import parse_json_object, rewrite
from moor.formats.toml import merge

KEYS = st.sampled_from(["a", "log-opts", 'é"\\', "", "b c"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text('a"{}[],:\\\n', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
TREES: st.SearchStrategy[dict[str, Any]] = st.dictionaries(KEYS, VALUES, max_size=4)
STYLES = st.sampled_from([None, 0, 2, 4, "\t"])
WRITTEN = '{\r\n\t"log-opts":   {"max-size": "9m"},\r\n\r\n\t"features": {\r\n\t\t"x" : true }\r\n}'


@given(TREES, TREES, STYLES, st.sampled_from(["", "\n", "\r\n \n"]), st.booleans())
def test_any_change_comes_out_as_wanted(
    before: dict[str, Any], wanted: dict[str, Any], style: Any, end: str, ascii_alone: bool
) -> None:
    text = json.dumps(before, indent=style, ensure_ascii=ascii_alone) + end
    after = rewrite(text, lambda _: wanted)
    assert json.dumps(parse_json_object(after), sort_keys=True) == json.dumps(wanted, sort_keys=True)
    assert rewrite(after, lambda _: wanted) == after


@given(TREES, VALUES, STYLES)
def test_a_key_that_is_added_leaves_every_line_as_it_was(tree: dict[str, Any], value: Any, style: Any) -> None:
    text = json.dumps(tree, indent=style)
    after = rewrite(text, lambda before: merge(before, {"ours": value}))
    if tree:
        place = next((at for at, (one, other) in enumerate(zip(text, after, strict=False)) if one != other), len(text))
        assert after.endswith(text[place:])


def test_only_the_value_that_differs_is_written_anew() -> None:
    wanted = {"log-opts": {"max-size": "10m"}, "features": {"y": [1]}, "live-restore": True}
    after = rewrite(WRITTEN, lambda before: merge(before, wanted))
    added = WRITTEN.replace("9m", "10m").replace("true }", 'true,\r\n\t\t"y": [1] }')
    assert after == added.removesuffix("\r\n}") + ',\r\n\r\n\t"live-restore": true\r\n}'


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "3", '{"a": 1, "a": 2}', "[" * 5000, '{"a":' + "[" * 60 + "]" * 60 + "}", '{"a": NaN}x', "\udcff"],
)
def test_what_cannot_be_edited_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"not |nested|twice"):
        rewrite(text, lambda before: before)
