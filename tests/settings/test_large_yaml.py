"""A large YAML file is read by another library than a small one, and means the same, to its errors and lines."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moor.settings.document import InputFaults, Tree, load_yaml
from moor.settings.yaml_nodes import LARGE, compose, yaml_reader

PADDING = "large\n# " * (LARGE // 8) + "\n"
LIBYAML, RUAMEL = f"# {PADDING}", f"#\t{PADDING}"  # libyaml reads no text with a tab

ODD_SCALARS = """
yes no on off y n ~ null Null true True 0o17 017 0x1f 0b11 1_000 12:30:45 1e3 .5 -.5 .inf .nan 1. +1 2026-11-01
<< = - -a ? a:b http://x 10.0.0.1 a#b :a a: 'it''s' "a\\n\\x41" '' "" [] {} 00:11:22 0o8 1e 08 09 -0 0.
"""
SCALARS = st.one_of(st.sampled_from(ODD_SCALARS.split()), st.text("abc01:#,[]{}'\" -.~<=|>", min_size=1, max_size=9))
KEYS = st.one_of(st.sampled_from(["a", "b", "'c d'", '"e"', "1", "yes", "null", "<<", "a b", "a:b", "-", "~"]), SCALARS)


@st.composite
def documents(draw: st.DrawFn, depth: int = 0) -> str:
    """Return lines of a mapping or a list, of which some are not YAML."""
    indent = " " * draw(st.sampled_from([2 * depth, 2 * depth, 2 * depth, 2 * depth + 1]))
    lines = []
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(["- ", "-   ", ""])) or f"{draw(KEYS)}{draw(st.sampled_from([': ', ':', ':  ']))}"
        below = draw(st.sampled_from(["scalar", "scalar", "flow", "block", "nested", "folded", "comment"]))
        if below == "nested" and depth < 3:
            lines.append(f"{indent}{name}\n{draw(documents(depth + 1))}")
        elif below == "block":
            mark = draw(st.sampled_from(["|", "|-", "|+", ">", ">-", ">+", "|2", ">1"]))
            inner = draw(st.lists(st.text("ab: #-", max_size=6), min_size=1, max_size=4))
            lines.append(f"{indent}{name}{mark}\n" + "\n".join(f"{indent}  {line}" for line in inner))
        elif below == "flow":
            parts = ", ".join(draw(st.lists(st.one_of(SCALARS, st.builds("{}: {}".format, KEYS, SCALARS)), max_size=3)))
            begin, end = draw(st.sampled_from([("[", "]"), ("{", "}"), ("[", ""), ("[[", "]]"), ("[{", "}]")]))
            lines.append(f"{indent}{name}{begin}{parts}{end}")
        elif below == "folded":
            lines.append(f"{indent}{name}{draw(SCALARS)}\n{indent}   {draw(SCALARS)}\n\n{indent}  {draw(SCALARS)}")
        elif below == "comment":
            lines.append(f"{indent}{name}{draw(SCALARS)} # {draw(SCALARS)}")
        else:
            lines.append(f"{indent}{name}{draw(SCALARS)}")
    return "\n".join(lines) + draw(st.sampled_from(["\n", "", "\n\n"]))


def read(text: str) -> tuple[Tree, list[str]]:
    with TemporaryDirectory() as folder:
        path, faults = Path(folder, "hosts.yaml"), InputFaults()
        path.write_text(text, "utf-8")
        return load_yaml(path, "hosts.yaml", faults), faults.lines()


@given(st.one_of(documents(), st.text("ab:-#'\"{}[],|>\\01.~<= \n", max_size=40)))
@example("a: 1\na: 2\n")
@example("node1: {port: 0o17, on: yes, none: ~}\nnode2:\n- <<\n")
@example("a: {b: c\n")
@example("a: " + "[" * 60 + "]" * 60)
@example("")
@example("a: |\n  b\n c\n")
def test_a_large_file_means_what_a_small_one_means(text: str) -> None:
    assert repr(read(LIBYAML + text)) == repr(read(RUAMEL + text))  # as text, since .nan differs from itself


@pytest.mark.parametrize("kind", ["mapping", "sequence"])
def test_a_large_plain_file_is_read_by_libyaml(kind: str) -> None:
    entry = "{name}: {{hostname: 10.0.0.1}}" if kind == "mapping" else "- {name}"
    text = "\n".join(entry.format(name=f"node{number}") for number in range(LARGE))
    assert type(compose(yaml_reader(), text)).__module__ == "yaml.nodes"
