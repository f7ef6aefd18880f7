"""TOML changed as data: what is said comes out as wanted, and everything else stays as it was written."""

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from moor.formats.toml import is_same, merge, rewrite

KEYS = st.sampled_from(["a", "b", "io.containerd.grpc.v1.cri", "registry.moor.test:8443", "config_path", "é", ""])
TREES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(KEYS, st.integers(-9, 9) | st.booleans() | st.text("ab\n\"'#\\", max_size=4), max_size=4),
    lambda tree: st.dictionaries(KEYS, tree | st.integers(0, 3) | st.lists(st.integers(), max_size=2), max_size=4),
    max_leaves=12,
)

WRITTEN = """\
# ours
version = 2 # two

[plugins]
  [plugins.'cri'] # the quotes stay
    [plugins.'cri'.cni]
      bin_dir = "/usr/lib/cni"
"""


def test_only_what_changes_is_written_anew() -> None:
    wanted = rewrite(WRITTEN, lambda tree: merge(tree, {"plugins": {"cri": {"cni": {"bin_dir": "/opt/cni"}}}}))
    assert wanted == WRITTEN.replace("/usr/lib/cni", "/opt/cni")


def test_a_file_that_says_it_already_is_not_touched() -> None:
    odd = "a   =   {x=1} # odd\r\n"
    assert rewrite(odd, lambda tree: merge(tree, {"a": {"x": 1}})) == odd


def test_one_and_true_are_not_the_same() -> None:
    assert rewrite("a = 1\n", lambda tree: {"a": True}) == "a = true\n"
    assert not is_same({"a": 1}, {"a": 1.0})


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(ValueError, match="Unclosed array"):
        rewrite("a = [1", lambda tree: tree)


def test_a_table_that_stands_in_pieces_says_what_was_wanted_afterwards() -> None:
    pieces = "[a.b]\nx = 1\n[c]\ny = 1\n[a.d]\nz = 1\n"
    wanted = {"a": {"b": {"x": 2}, "d": {"z": 1, "new": 1}}, "c": {"y": 1}}
    assert tomllib.loads(rewrite(pieces, lambda tree: wanted)) == wanted


def test_the_last_key_of_a_dotted_table_can_go() -> None:
    assert tomllib.loads(rewrite("[a]\nb.c.d = 1\ne = 2 # stays\n", lambda tree: {"a": {"e": 2}})) == {"a": {"e": 2}}


BETWEEN = """\
version = 2

[[others]] # one
name = "a"

[plugins."cri"] # stands between two of them
x = 1

[[others]]
name = 'b'
  [others.inner]
  y = [
    1, # first
  ]
"""


def test_a_table_between_entries_of_an_array_of_tables_stays_where_it_is() -> None:
    after = rewrite(BETWEEN, lambda tree: merge(tree, {"plugins": {"cri": {"x": 2, "z": "é\n"}}}))
    assert after == BETWEEN.replace("x = 1\n", 'x = 2\nz = "é\\n"\n')
    after = rewrite(BETWEEN, lambda tree: merge(tree, {"plugins": {"cri": {"registry": {"config_path": "/x"}}}}))
    assert after == BETWEEN.replace("x = 1\n", 'x = 1\n[plugins.cri.registry]\nconfig_path = "/x"\n')


LINES = st.sampled_from(
    [
        *("[plugins]", "  [plugins.cri]", "[plugins.'cri'.registry] # theirs", "[a.b]", "[[list]]", "[list.inner]", ""),
        *("# a note", "x = 1", "y.z = 'q' # near", "w = { v = 1, u = [1, 2] }", "t = [\n  1, # one\n  2,\n]"),
        "[[a.c]]",
        *('s = """\n[no.header]\n"""', "r = '\u0027\u0027\nx = 3\n\u0027\u0027'"),
        *('config_path = "/old"', "d = 2026-01-01 00:00:00"),
    ]
)  # fmt: skip


@given(st.lists(LINES, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_what_is_put_in_moves_no_line_of_others(lines: list[str], ending: str, ended: bool) -> None:
    text = "\n".join(lines).replace("\n", ending) + (ending if ended else "")
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    ours = {"plugins": {"cri": {"registry": {"config_path": "/x"}}}}
    if not all(
        isinstance(node, dict) for node in (before.get("plugins", {}), before.get("plugins", {}).get("cri", {}))
    ):
        return
    after = rewrite(text, lambda tree: merge(tree, ours))
    assert is_same(tomllib.loads(after), merge(before, ours))
    assert rewrite(after, lambda tree: merge(tree, ours)) == after
    kept = [line for line in text.splitlines() if line and "config_path" not in line and "w = {" not in line]
    rest = iter(after.splitlines())
    assert all(line in rest for line in kept), (text, after)


@pytest.mark.parametrize("text", ["a = [" * 1500, "a = " + "[" * 60 + "]" * 60])
def test_a_file_without_a_bottom_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"nested|Unclosed|Invalid"):
        rewrite(text, lambda tree: tree)


@given(TREES, TREES)
def test_any_change_comes_out_as_wanted(before: dict[str, Any], wanted: dict[str, Any]) -> None:
    after = rewrite(tomlkit.dumps(before), lambda tree: wanted)
    assert is_same(tomllib.loads(after), wanted)
    assert rewrite(after, lambda tree: wanted) == after
