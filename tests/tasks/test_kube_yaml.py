"""Manifests are read as Kubernetes reads them: the right values were taken from kubectl, which is asked where it is."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import AmbiguousYaml
from moor.tasks.cluster.kube_yaml import documents, scalar

READ: dict[str, Any] = {
    **{"0400": 256, "0644": 420, "0o17": 15, "0O17": 15, "0_7": 7, "-0400": -256, "010.5": 10.5, "089": 89, "08": 8},
    **{
        "0x1F": 31,
        "0X1f": 31,
        "0x_A": 10,
        "0b101": 5,
        "0B11": 3,
        "-0b11": -3,
        "0b2": "0b2",
        "0o8": "0o8",
        "0x1p4": "0x1p4",
    },
    **{"yes": True, "y": True, "on": True, "TRUE": True, "n": False, "off": False, "No": False, "tRue": "tRue"},
    **{"12:30:45": "12:30:45", "190:20:30.15": "190:20:30.15", "2001-01-01": "2001-01-01", "1:1": "1:1"},
    **{"~": None, "null": None, "Null": None, "nULL": "nULL", "=": "=", ".": ".", "_1": "_1"},
    **{"1_000": 1000, "1_": 1, "1__0": 10, "+12": 12, "1e3": 1000, "1.": 1, "0.": 0, "123456789012.0": 123456789012},
    **{".5": 0.5, "+.5": 0.5, "-.5": -0.5, ".5_0": 0.5, "._5": "._5", ".1e": ".1e", ".1p1": ".1p1", "1_0.5": 10.5},
    **{"685.230_15e+03": 685230.15, "1e400": "1e400", "1.10": 1.1, "50cent": "50cent", "+.inf2": "+.inf2"},
    **{"!!str 0400": "0400", "!!int '0400'": 256, "!!float 1": 1, "'yes'": "yes", '"0400"': "0400", "!x 5": "5"},
    **{"!!binary aGk=": "hi", "2001-01-01T01:02:03Z": "2001-01-01T01:02:03Z", "192.168.0.1": "192.168.0.1"},
}


@pytest.mark.parametrize("text", READ)
def test_a_value_is_what_it_is_to_kubernetes(text: str) -> None:
    (tree,) = documents(f"value: {text}\n")
    assert tree == {"value": READ[text]}
    assert type(tree["value"]) is type(READ[text])


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kubectl_reads_the_same() -> None:
    data = "data:\n" + "".join(f"  k{number}: {text}\n" for number, text in enumerate(READ))
    (ours,) = documents(data)
    assert json.loads(asked(data).stdout)["data"] == ours["data"]


TABS: dict[str, Any] = {
    "data:\n  a:\tb\n": {"a": "b"},
    "data:\t\n  a:\t\t'x'\t# c\n": {"a": "x"},
    "data: {a: x,\tb: z}\n": {"a": "x", "b": "z"},
    "data:\n  a:\t|\n    x\n": {"a": "x\n"},
}
INDENTS = ["data:\n\ta: b\n", "data:\n  a:\t- b\n", "data:\n  a: b\n\t\n  c: d\n"]


def asked(data: str) -> subprocess.CompletedProcess[str]:
    """Have kubectl read a manifest with these data."""
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\n{data}"
    argv = ["kubectl", "label", "--local", "-f", "-", "a=b", "-o", "json"]
    return subprocess.run(argv, input=manifest, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("text", TABS)
def test_a_tab_stands_for_a_space_between_words(text: str) -> None:
    assert [tree["data"] for tree in documents(text)] == [TABS[text]]


@pytest.mark.parametrize("text", INDENTS)
def test_a_tab_never_indents(text: str) -> None:
    with pytest.raises(AmbiguousYaml, match=r"not YAML: .* line [23]"):
        list(documents(text))


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kubectl_takes_and_refuses_the_same_tabs() -> None:
    assert [json.loads(asked(text).stdout)["data"] for text in TABS] == list(TABS.values())
    assert [text for text in INDENTS if asked(text).returncode == 0] == []


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 1000 + "]" * 1000, "- " * 1000 + "x"])
def test_what_is_nested_without_end_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(AmbiguousYaml, match="nested deeper than 150 levels"):
        list(documents(text))


@given(st.text(st.sampled_from("0123456789_.eExXoObB+-:"), max_size=8))
def test_whatever_looks_like_a_number_is_read_without_an_error(text: str) -> None:
    found = scalar(text)
    assert found is None or isinstance(found, str | int | float)
    assert not isinstance(found, str) or found == text


Tree = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text("abcyno 0179.:-_~", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("aby01", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(Tree)
def test_json_is_read_as_itself(tree: Any) -> None:
    assert list(documents(json.dumps(tree))) == [tree]


def test_numbers_and_booleans_are_keys_as_text_and_merges_are_resolved() -> None:
    text = "base: &base {a: 1, b: 2}\nown: {<<: *base, b: 0400, 1: x, on: y}\n"
    (tree,) = documents(text)
    assert tree["own"] == {"a": 1, "b": 256, "1": "x", "true": True}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: {x: 1, x: 2}", "line 2: the key x is given twice"),
        ("y: 1\nyes: 2", "the key true is given twice"),
        ("a: .nan", "cannot be written as JSON"),
        ("~: x", "a key that is not a string; write it in quotes"),
        ("1.10: x", "a key that is not a string; write it in quotes"),
        ("[1]: x", "a key that is not a string"),
        ("a: &x [*x]", "an anchor whose value contains itself"),
        ("a: !!int x", "'x' is not of type int"),
        ("a: !!bool 1", "'1' is not of type bool"),
        ("a: !!binary '='", "!!binary is not base64 of a text"),
        ("a: {<<: 5}", "<< takes a mapping"),
        ("a: [b\nc: d", "not YAML: while parsing a flow sequence"),
        ("a: *b", "not YAML: found undefined alias"),
        ("a: \x01", "not YAML: "),
    ],
)
def test_what_kubernetes_would_not_read_or_would_mistake_is_refused(text: str, words: str) -> None:
    with pytest.raises(AmbiguousYaml) as refused:
        list(documents(text))
    assert words in str(refused.value)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    words = ""
    try:
        list(documents(text))
    except AmbiguousYaml as error:
        words = str(error)
    assert len(words.splitlines()) <= 1
