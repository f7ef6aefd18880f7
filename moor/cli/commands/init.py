"""The action of init."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import typer

from moor.cli.commands.running import configure_logging, print_safely, print_warning
from moor.cli.options import Options
from moor.engine.plan import printable
from moor.errors import InputError
from moor.folding import fold
from moor.init.answers import Answers
from moor.init.example import draft_of_example, to_bring_for
from moor.init.facts import SiteFacts, complete
from moor.init.found import Found
from moor.init.placing import Draft, check_draft, place, refuse_taken
from moor.init.questions import ask_again, ask_all, is_complete, options_in
from moor.init.site import draft_of, is_password, next_commands, to_bring
from moor.init.sources.read import read_source
from moor.secrets.secret import Secret


def init(options: Options, answers: Answers, directory: Path, source: tuple[str, str]) -> int:
    """Write a new site, all of it or nothing; return 0."""
    configure_logging(options.verbose)
    folder = directory.expanduser().absolute()
    refuse_taken(folder)
    found = read_source(*source, answers)
    asks = sys.stdin.isatty() and not is_complete(answers, found)
    facts, draft = _asked(answers, found, folder) if asks else _drafted(answers, found, folder)
    wanted = to_bring(facts)
    typed = _ask_passwords(wanted) if asks else {}
    draft = replace(draft, private={**draft.private, **typed})
    wanted = {name: words for name, words in wanted.items() if name not in typed}
    kept = place(draft, folder, wanted)
    for words in (*found.notes, *facts.cast.notes):
        print_warning(words)
    print_safely(_written(folder, [*draft.files, *draft.private], kept))
    print_safely(_next(wanted, folder, directory))
    return 0


def copy_example(options: Options, name: str, directory: Path, has_more: bool) -> int:
    """Write a copy of an example, all of it or nothing; return 0."""
    configure_logging(options.verbose)
    if has_more:
        raise InputError("--example: it goes with a directory alone; edit the copy, or leave --example out")
    folder = directory.expanduser().absolute()
    refuse_taken(folder)
    draft = draft_of_example(name)
    kept = place(draft, folder, to_bring_for(name))
    print_safely(_written(folder, [*draft.files, *draft.private], kept))
    print_safely(_next(to_bring_for(name), folder, directory))
    return 0


def _drafted(answers: Answers, found: Found, folder: Path) -> tuple[SiteFacts, Draft]:
    """Return the new site, checked; raise InputError with everything that is missing or wrong."""
    facts = complete(answers, found)
    draft = draft_of(facts)
    check_draft(draft, folder, to_bring(facts))
    return facts, draft


def _asked(answers: Answers, found: Found, folder: Path) -> tuple[SiteFacts, Draft]:
    """Return the new site, after asking for what is missing; a wrong answer is asked for again."""
    if found.hosts:
        _say(f"{found.source} has: {fold(list(found.hosts))}")
    answers = ask_all(answers, found, _ask)
    while True:
        try:
            return _drafted(answers, found, folder)
        except InputError as error:
            options = options_in(str(error))
            if not options:
                raise
            _say(str(error))
            answers = ask_again(answers, options, _ask)


def _ask_passwords(wanted: Mapping[str, str]) -> dict[str, str]:
    """Ask for the passwords among what is to bring; return the content of their files. Nothing leaves one out."""
    found = dict[str, str]()
    for name, words in wanted.items():
        if is_password(name):
            question = f"{words.partition(' (chmod')[0]}; nothing, to write {name} later"
            word = typer.prompt(question, default="", show_default=False, hide_input=True, err=True)
            found |= {name: f"{Secret(word).reveal()}\n"} if word else {}
    return found


def _say(words: str) -> None:
    print(printable(words), file=sys.stderr)


def _ask(question: str, default: str) -> str:
    return str(typer.prompt(question, default=default, show_default=bool(default), err=True))


def _written(folder: Path, names: Iterable[str], kept: Iterable[str]) -> str:
    lines = [f"{folder}:", *(f"  {name}" for name in names if name not in kept)]
    return "\n".join([*lines, "  .gitignore", *(f"  {name} stays as it was" for name in kept)])


def _next(wanted: Mapping[str, str], folder: Path, typed: Path) -> str:
    lines = ["", "to bring:", *(f"  {name}: {words}" for name, words in wanted.items())] if wanted else []
    return "\n".join([*lines, "", "next:", *(f"  {line}" for line in next_commands(typed, folder == Path.cwd()))])
