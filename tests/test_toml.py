"""TOML changed as data: what is said comes out as wanted, and everything else stays as it was written."""

import tomllib
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from moor.toml import laid, rewritten, same

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
    wanted = rewritten(WRITTEN, lambda tree: laid(tree, {"plugins": {"cri": {"cni": {"bin_dir": "/opt/cni"}}}}))
    assert wanted == WRITTEN.replace("/usr/lib/cni", "/opt/cni")


def test_a_file_that_says_it_already_is_not_touched() -> None:
    odd = "a   =   {x=1} # odd\r\n"
    assert rewritten(odd, lambda tree: laid(tree, {"a": {"x": 1}})) == odd


def test_one_and_true_are_not_the_same() -> None:
    assert rewritten("a = 1\n", lambda tree: {"a": True}) == "a = true\n"
    assert not same({"a": 1}, {"a": 1.0})


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(ValueError, match="Unclosed array"):
        rewritten("a = [1", lambda tree: tree)


def test_a_table_that_stands_in_pieces_says_what_was_wanted_afterwards() -> None:
    pieces = "[a.b]\nx = 1\n[c]\ny = 1\n[a.d]\nz = 1\n"
    wanted = {"a": {"b": {"x": 2}, "d": {"z": 1, "new": 1}}, "c": {"y": 1}}
    assert tomllib.loads(rewritten(pieces, lambda tree: wanted)) == wanted


def test_the_last_key_of_a_dotted_table_can_go() -> None:
    assert tomllib.loads(rewritten("[a]\nb.c.d = 1\ne = 2 # stays\n", lambda tree: {"a": {"e": 2}})) == {"a": {"e": 2}}


@given(TREES, TREES)
def test_any_change_comes_out_as_wanted(before: dict[str, Any], wanted: dict[str, Any]) -> None:
    after = rewritten(tomlkit.dumps(before), lambda tree: wanted)
    assert same(tomllib.loads(after), wanted)
    assert rewritten(after, lambda tree: wanted) == after
