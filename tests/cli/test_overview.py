"""The help of ``moor`` itself: grouped in the order of work, whole sentences, the words of each command's own help."""

from __future__ import annotations

import pytest

from moor import cli
from moor.cli.overview import GROUPS, known, overview
from moor.cli.program import lines_of

OTHERS = {"greet": "Greets whom you name, " + "and tells how long a line may get before it is cut " * 3}


def test_a_command_stands_in_one_group() -> None:
    words = [word for group in GROUPS.values() for word in group]
    assert len(words) == len(set(words))
    assert set(words) <= set(cli.COMMANDS)


def test_a_line_is_what_the_commands_own_help_begins_with() -> None:
    assert lines_of(list(known())) == known()


@pytest.mark.parametrize("columns", ["40", "60", "80", "200"])
def test_no_sentence_is_cut_and_no_line_is_wider_than_the_terminal(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    shown = overview(OTHERS)
    assert max(map(len, shown.splitlines())) <= int(columns)
    running = " ".join(shown.split())
    assert all(f"{word} {' '.join(line.split())}" in running for word, line in {**known(), **OTHERS}.items())


def test_lists_of_subcommands_are_whole_sentences_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["cert", "--help"])
    assert "..." not in capsys.readouterr().out.replace("[ARGS]...", "")
