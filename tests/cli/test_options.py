"""What all commands understand: the shared options, help, the version."""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

from moor import cli, version
from moor.cli.options import Options, Output
from moor.cli.shared_options import DECLARED, OF_RUNS, takes

ROOT = Path(__file__).parents[2]
MOST_PARAMETERS = 5


def registered(app: typer.Typer, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command as it is typed, with its function; the lab's has a command line of its own."""
    for command in app.registered_commands:
        assert command.callback
        yield (*before, command.name or command.callback.__name__), command.callback
    for group in app.registered_groups:
        if group.name != "lab":
            assert group.typer_instance
            yield from registered(group.typer_instance, (*before, str(group.name)))


COMMANDS = dict(registered(cli.every_command()))


def shown(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_two_spellings(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    long = shown([*command, "--help"], capsys)
    assert "Usage: moor " in long
    assert "-h, --help" in long
    assert shown([*command, "-h"], capsys) == long


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("plna", "No such command 'plna'. Did you mean 'plan'? (moor --help says what is understood)"),
        (
            "plan --outptu json",
            "No such option: --outptu (Possible options: --out, --output) (moor plan --help says what is understood)",
        ),
        ("cert", "Missing command. (moor cert --help says what is understood)"),
        ("--site x plan", "No such option: --site (options stand behind the command, as in moor plan --site DIR)"),
        (
            "plan --output yaml",
            "Invalid value for '--output': 'yaml' is not one of 'text', 'json', 'junit', 'metrics', 'markdown'. "
            "(moor plan --help says what is understood)",
        ),
    ],
)
def test_a_mistyped_command_line_is_answered_by_the_command_that_explains_it(
    words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words.split())
    assert (ended.value.code, capsys.readouterr().err) == (1, f"moor: {message}\n")


def test_help_of_moor_itself_names_the_lab(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\n  lab " in shown(["-h"], capsys)


def test_the_version_is_the_one_of_pyproject(capsys: pytest.CaptureFixture[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    line = shown(["--version"], capsys)
    assert line.startswith(f"moor {project['version']} (Python 3.")
    assert "Nornir 3." in line
    assert project["name"] == version.DISTRIBUTION


def test_moor_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "DISTRIBUTION", "no-such-distribution")
    assert version.moor_version() == "unknown"


def test_each_common_option_is_declared_once() -> None:
    assert list(DECLARED) == [field.name for field in fields(Options)]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_has_few_parameters_of_its_own(command: tuple[str, ...]) -> None:
    assert len(inspect.signature(inspect.unwrap(COMMANDS[command])).parameters) <= MOST_PARAMETERS


def called(words: list[str], *names: str) -> Options:
    """Run a command that takes the options ``names``, and return what it was given."""
    given = []
    app = typer.Typer()

    @app.command()
    @takes(*names)
    def command(options: Options, word: Annotated[str, typer.Argument()] = "") -> int:
        assert word == "here"
        given.append(options)
        return 0

    app(args=["here", *words], standalone_mode=False)
    return given[0]


def test_what_is_typed_arrives_as_options() -> None:
    words = ["--site", "fleet", "--limit", "node1", "--workers", "3", "--output", "json", "--quiet", "-v"]
    assert called(words, *OF_RUNS) == Options(Path("fleet"), "node1", 3, Output.json, quiet=True, verbose=True)


def test_what_is_not_typed_has_the_defaults_of_options() -> None:
    assert called([], *OF_RUNS) == called([]) == Options()


def test_an_option_that_a_command_does_not_take_is_refused() -> None:
    with pytest.raises(typer.TyperException, match="No such option: --limit"):
        called(["--limit", "node1"], "site")


def test_a_command_alone_is_imported_as_the_table_says() -> None:
    """Each word of the table has its command, and every command a word."""
    found = {words[0].replace("_", "-"): function.__module__.rpartition(".")[2] for words, function in COMMANDS.items()}
    assert found == cli.COMMANDS
