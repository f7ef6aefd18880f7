"""What a terminal shows: colours, symbols and width; what is piped has none of them."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.output import paint, tables
from tests.harness.terminal import terminal

ANSI = re.compile(r"\x1b\[\d*m")
PLAN = """\
  ~ file:/etc/hosts  [node1 node2]
      content:
      @@ -1 +1,2 @@
      +10.0.0.1 registry.moor.test

      -old
  ! requirement:room (failed)  [node3]  since 2026-01-02 03:04 UTC
      requirement:room: no room is left
      mend: moor plan --limit node3
plan: 2 changes on 2 hosts; 3 as they should be; 1 of 3 hosts failed
host   name   tls
node1  ok     FAULT
node2  -      ?"""


@pytest.fixture(autouse=True)
def _capable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def shown(text: str, columns: int = 200) -> str:
    with terminal(columns) as stream:
        return paint.painted(text, stream)


def plain(text: str) -> str:
    return ANSI.sub("", text).replace("✗", "!").replace("✓ ", "ok").replace("·", "-")


def test_a_pipe_gets_the_text_alone() -> None:
    assert paint.painted(PLAN, io.StringIO()) == PLAN


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "")])
def test_a_terminal_without_colour_gets_the_text_alone(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert shown(PLAN) == PLAN
    with terminal(80) as stream:
        assert paint.painted_words("moor:", paint.RED, stream) == "moor:"


def test_an_empty_no_color_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert "\x1b[" in shown(PLAN)


def test_colours_and_symbols_say_what_the_signs_say() -> None:
    lines = shown(PLAN).splitlines()
    assert lines[0] == "  \x1b[33m~\x1b[0m \x1b[33mfile:/etc/hosts\x1b[0m\x1b[36m  [node1 node2]\x1b[0m"
    assert lines[3] == "      \x1b[32m+10.0.0.1 registry.moor.test\x1b[0m"
    assert lines[5] == "      \x1b[31m-old\x1b[0m"
    assert lines[6].startswith("  \x1b[31m✗\x1b[0m \x1b[31mrequirement:room (failed)")
    assert lines[8] == "      mend: \x1b[1mmoor plan --limit node3\x1b[0m"
    assert lines[9].startswith("\x1b[31m✗ \x1b[0m\x1b[1mplan\x1b[0m: ")
    assert lines[11:] == [
        "node1  \x1b[32m✓ \x1b[0m     \x1b[31mFAULT\x1b[0m",
        "node2  \x1b[2m-\x1b[0m      \x1b[35m?\x1b[0m",
    ]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("plan: no changes; 12 as they should be", paint.GREEN),
        ("plan: 1 change on 1 host; 3 as they should be", paint.YELLOW),
        ("apply: 3 changed, 0 failed, 0 skipped on 1 host; 3 as they should be", paint.GREEN),
        ("apply: 3 changed, 1 failed, 0 skipped on 2 hosts; 3 as they should be; 1 of 2 hosts failed", paint.RED),
        ("drift: clean; 3 of 3 hosts examined, 12 resources as they should be", paint.GREEN),
        ("drift: 2 findings; 3 of 3 hosts examined, 12 resources as they should be", paint.YELLOW),
        ("interrupted: 0 changed, 0 failed before that", paint.RED),
    ],
)
def test_the_outcome_has_the_colour_of_what_came_of_it(outcome: str, code: str) -> None:
    assert shown(outcome).startswith(f"\x1b[{code}m")


def test_an_outcome_that_is_wrapped_keeps_the_colour_of_the_whole() -> None:
    told = shown("plan: 9 changes on 3 hosts; 3 as they should be; 1 of 4 hosts failed", 60)
    assert told.startswith(f"\x1b[{paint.RED}m")
    assert max(map(len, ANSI.sub("", told).splitlines())) <= 60


@given(st.text(alphabet=st.sampled_from("ab[]~!?+- :;@\n✗"), max_size=200))
def test_painting_adds_nothing_but_colour_and_takes_nothing(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm")
        patch.delenv("NO_COLOR", raising=False)
        found = plain(shown(text, 1000))
    assert found == text.replace("✗", "!")


def test_at_60_columns_entries_are_wrapped_below_themselves_and_commands_stay_whole() -> None:
    hosts = " ".join(f"node{number}.eu-west.example.org" for number in range(5))
    command = f"      mend: moor apply names --limit {hosts.replace(' ', ',')}"
    first, *lines = plain(shown(f"  ~ file:/etc/hosts  [{hosts}]\n{command}", 60)).splitlines()
    assert first.startswith("  ~ file:/etc/hosts")
    assert lines.pop() == command
    assert all(line.startswith("        node") and len(line) <= 60 for line in lines)


ROWS = [["node1", "ok", "FAULT", "ok", "ok"], ["a-node-with-a-long-name", "ok", "ok", "-", "?"]]
HEAD = ["host", "name", "challenge", "containerd", "manifest"]


def test_a_table_that_is_too_wide_is_shown_in_parts_that_fit() -> None:
    whole = tables.render(HEAD, ROWS)
    assert len(whole.splitlines()) == 3
    parts = tables.render(HEAD, ROWS, 40).split("\n\n")
    assert len(parts) > 1
    assert all(part.splitlines()[1].startswith("node1  ") for part in parts)
    assert max(len(line) for part in parts for line in part.splitlines()) <= 40
    assert [word for part in parts for word in part.splitlines()[0].split()[1:]] == HEAD[1:]


def test_sentences_in_the_last_column_are_wrapped_in_their_column() -> None:
    why = "10.0.0.1:22: connection refused; is sshd running there, and the port right?"
    lines = tables.render(["host", "why not"], [["node1", why], ["node2", ""]], 60).splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[2].startswith("       ")
    assert " ".join(" ".join(lines[1:-1]).split()) == f"node1 {why}"


@given(
    st.lists(st.lists(st.text(alphabet="abc -", max_size=12), min_size=3, max_size=3), max_size=5),
    st.integers(min_value=0, max_value=80),
)
def test_no_cell_is_lost_at_any_width(rows: list[list[str]], width: int) -> None:
    found = tables.render(["one", "two", "three"], rows, width)
    letters = [letter for row in rows for cell in row for letter in cell if letter in "abc"]
    assert all(found.count(letter) >= letters.count(letter) for letter in "abc")
