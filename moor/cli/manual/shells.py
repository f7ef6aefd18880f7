"""Scripts that complete moor's words in bash, zsh and fish.

A script has every command and option in it, so that a shell starts no program for them. Names of hosts, runbooks,
concerns and runs come from ``moor --complete KIND``, which reads files and imports no library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files

from moor.cli.manual.tree import Described, Word

NOTHING = "-"  # for an empty column, since shells join tabs that follow each other


def script(shell: str, root: Described) -> str:
    """Return the script of a shell: its driver, with the table of all commands in it."""
    quoted = _fish if shell == "fish" else _sh
    driver = _text(shell)
    if shell != "fish":  # bash and zsh look words up alike
        driver = driver.replace("@LOOKING@", _text("sh").rstrip("\n"))
    return driver.replace("@TABLE@", "\n".join(_cases(shell, root, quoted)))


def _text(ending: str) -> str:
    return (files(__package__) / f"complete.{ending}").read_text("utf-8")


def _cases(shell: str, root: Described, quoted: Callable[[str], str]) -> Iterator[str]:
    for one in root.everything():
        lines = " ".join(map(quoted, _rows(one)))
        if shell == "fish":
            yield f"    case {quoted(one.path)}\n        printf '%s\\n' {lines}"
        else:
            yield f"  {quoted(one.path)}) printf '%s\\n' {lines} ;;"


def _rows(one: Described) -> Iterator[str]:
    """Yield what may stand behind a command: a sign, the word, the kind of its value, and what it means.

    The signs: ``c`` a subcommand, ``f`` a flag, ``o`` an option with a value, ``a`` an argument, ``m`` arguments.
    """
    for below in one.below:
        yield _row("c", below.name, "", below.line)
    for word in one.options:
        for spelling in word.spellings:
            yield _row("o" if word.value else "f", spelling, _kind(word), word.about)
    for word in one.arguments:
        yield _row("m" if word.is_many else "a", word.spellings[0], _kind(word), word.about)


def _row(*columns: str) -> str:
    return "\t".join(" ".join(column.split()) or NOTHING for column in columns)


def _kind(word: Word) -> str:
    return f"={' '.join(word.choices)}" if word.choices else word.kind


def _sh(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
