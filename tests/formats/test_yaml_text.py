"""YAML of other people: what is put in or taken out is all that moves, and a text where that cannot be is refused."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from moor.formats.yaml_text import YamlDocument, parse_yaml, rewrite

OURS = ("configs", "registry.moor.test", "tls", "ca_file")
WORDS = st.sampled_from(["a", "b-c", "docker.io", "x y", "é", "no", "12:30:45", "*", "# not a comment", "", "1"])
SCALARS = st.one_of(WORDS, st.integers(-9, 9), st.booleans(), st.none(), st.just("many\nlines\n"))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["configs", "mirrors", "x"]), st.dictionaries(WORDS, VALUES, max_size=3), max_size=3
)


def trusting(tree: YamlDocument) -> YamlDocument:
    node = tree
    for key in OURS[:-1]:
        node[key] = dict(node.get(key) or {})
        node = node[key]
    node[OURS[-1]] = "/ca.crt"
    return tree


@st.composite
def written(draw: st.DrawFn) -> str:
    """Return a document as a person may write it: its style, its indentation, comments, ends of lines."""
    tree: Any = draw(DOCUMENTS)
    text = yaml.safe_dump(
        tree,
        default_flow_style=draw(st.sampled_from([True, False, None])),
        indent=draw(st.integers(2, 6)),
        width=draw(st.sampled_from([20, 1000])),
        allow_unicode=draw(st.booleans()),
        explicit_start=draw(st.booleans()),
        sort_keys=False,
    )
    lines = text.splitlines()
    for place in draw(st.lists(st.integers(0, len(lines)), max_size=3)):
        lines.insert(place, draw(st.sampled_from(["# a note", "   # another", ""])))
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    text = ending.join(lines) + draw(st.sampled_from(["", ending]))
    return draw(st.sampled_from(["", "\ufeff"])) + text


def alike(one: str, other: str) -> int:
    """Return how many letters at their beginning are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def refused(text: str) -> bool:
    """Return whether the comments have made something else of the text."""
    try:
        parse_yaml(text)
    except ValueError:
        return True
    return False


@given(written())
def test_what_is_put_in_moves_nothing_else(text: str) -> None:
    if refused(text):
        return
    after = rewrite(text, trusting)
    kept = alike(text, after) + alike(text[::-1], after[::-1])
    assert kept >= len(text.rstrip("\r\n")) - len("null"), (text, after)
    assert parse_yaml(after) == trusting(parse_yaml(text))
    assert rewrite(after, trusting) == after


@given(written(), st.data())
def test_what_is_taken_out_or_changed_leaves_the_rest_as_it_means(text: str, data: st.DataObject) -> None:
    if refused(text) or not (tree := parse_yaml(text)):
        return
    first = data.draw(st.sampled_from(sorted(tree)))
    keys = sorted(tree[first] or {})
    path = (first, data.draw(st.sampled_from(keys))) if keys else (first,)
    value = data.draw(SCALARS | st.just(KeyError))

    def change(whole: YamlDocument) -> YamlDocument:
        node = whole if len(path) == 1 else whole[path[0]]
        if value is KeyError:
            del node[path[-1]]
        else:
            node[path[-1]] = value
        return whole

    try:
        after = rewrite(text, change)
    except ValueError:
        assert "\n" in str(tree) or "[" in str(tree)  # a block of text, or a list at the place of its key
        return
    assert parse_yaml(after) == change(parse_yaml(text))


LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{former}'] * 9)}]\n" for former, name in zip("abcdefgh", "bcdefghi", strict=True)
)
ANCHORS = "a: &a {x: 1, y: 2}\nb: &b\n  <<: *a\n  z: 3\nc: *b\nd:\n  - *a\n  - 'q'  # q\n"


def test_a_key_that_says_the_same_by_an_alias_is_written_out_alone() -> None:
    after = rewrite(ANCHORS, lambda tree: {**tree, "c": {**tree["c"], "z": 4}})
    assert after == ANCHORS.replace("c: *b", 'c: {x: 1, "y": 2, z: 4}')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &a {x: 1}\nb: *a\n", "a carries the anchor &a"),
        ("a: {<<: &m {y: 1}, x: 1}\nb: *m\n", ""),
        ("a: 1\na: 2\n", "the key a stands twice"),
        ("a: &a [*a]\n", "line 1: an anchor whose value contains itself"),
        ("a: [" * 60 + "]" * 60, "nested deeper than 50 levels"),
        (LAUGHS, "its aliases stand for more"),
        ("a: \udcff\n", "not YAML"),
        ("{[1]: 2}", "not YAML"),
        ("a: 2026-13-45", "a value that is none"),
        ("a: !mine 3", "not YAML"),
        ("\ta: 1", "not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        ("3", "not keys and values"),
    ],
)  # fmt: skip
def test_what_cannot_be_edited_is_refused_in_a_sentence(text: str, words: str) -> None:
    def change(tree: YamlDocument) -> YamlDocument:
        return {**tree, "a": {**tree["a"], "x": 9}} if isinstance(tree.get("a"), dict) else tree

    if not words:
        assert parse_yaml(rewrite(text, change)) == {"a": {"x": 9, "y": 1}, "b": {"y": 1}}
        return
    with pytest.raises(ValueError, match=words):
        rewrite(text, change)


def test_a_line_that_may_hold_a_password_is_not_told() -> None:
    with pytest.raises(ValueError, match="line 3: ") as caught:
        parse_yaml("a: 1\npassword: [secret\nb: 'Correct-horse-1\n")
    assert "secret" not in str(caught.value)
    assert "horse" not in str(caught.value)
    for word in ("!hunter2", "*hunter2"):
        with pytest.raises(ValueError, match="not YAML: ") as caught:
            parse_yaml(f"password: {word}\n")
        assert "hunter2" not in str(caught.value)


def test_a_text_that_readers_of_yaml_1_1_would_take_for_something_else_is_quoted() -> None:
    after = rewrite("a: 1\n", lambda tree: {**tree, "b": "yes", "c": "12:30:45", "d": "0400", "e": "a\u2028b\n"})
    assert after == 'a: 1\nb: "yes"\nc: "12:30:45"\nd: "0400"\ne: "a\\Lb\\n"\n'
