"""The options of init."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from moor.cli.options import Options
from moor.cli.parameters import app
from moor.cli.shared_options import takes
from moor.init.answers import Answers, HostAnswers, RegistryAnswers
from moor.init.sources import SOURCES

FROM = "--from"


class InitCommand(TyperCommand):
    """A command whose option ``--from KIND FILE`` may lack its second word, where the kind has a usual file."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Add the usual file where it is missing, then parse the words."""
        return super().parse_args(ctx, list(_with_usual_file(args)))


def _with_usual_file(args: list[str]) -> list[str]:
    if FROM not in args:
        return args
    behind = args.index(FROM) + 2
    usual = SOURCES.get("".join(args[behind - 1 : behind]), "")
    lacks = args[behind : behind + 1] == [] or args[behind].startswith("-")
    return [*args[:behind], usual, *args[behind:]] if lacks and len(args) >= behind else args


@dataclass(frozen=True)
class Origin:
    """Where the site comes from, if not from answers alone."""

    source: Annotated[
        tuple[str, str], typer.Option(FROM, metavar="KIND [FILE]", help=f"read the hosts from {', '.join(SOURCES)}")
    ] = ("", "")
    example: Annotated[
        str, typer.Option(metavar="NAME", help="copy an example instead, such as small, k3s, bastion, dns or air-gap")
    ] = ""


@app.command(cls=InitCommand)
@takes("verbose")
def init(
    options: Options,
    registry: RegistryAnswers,
    hosts: HostAnswers,
    origin: Origin,
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="where; by default here")] = Path(),
) -> int:
    """Write a new site: config, inventory, secrets; asks for what no option says."""
    from moor.cli.commands import init as command

    answers = Answers(registry, hosts)
    if origin.example:
        return command.copy_example(
            options, origin.example, directory, Answers() != answers or origin.source != ("", "")
        )
    return command.init(options, answers, directory, origin.source)
