"""The settings of hooks: what is run or sent before and after hosts are changed."""

from __future__ import annotations

from collections.abc import Iterator
from string import Formatter
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from moor.settings.section import StrictModel

Moment = Literal["before_run", "before_host", "after_host", "after_run"]
MOMENTS: tuple[Moment, ...] = get_args(Moment)
NAMES = ("hook", "run", "runbook", "command", "host", "ticket", "result")  # what a hook is given to know
Word = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]*$")]


def _known_names(text: str) -> str:
    try:
        names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError as error:
        raise ValueError(f"{error}; write {{{{ and }}}} for braces") from None
    if unknown := [name for name in names if name not in NAMES]:
        raise ValueError(f"nothing is called {{{unknown[0]}}} here (there are: {', '.join(NAMES)})")
    return text


class Hook(StrictModel):
    """A command that is run, or a notice that is sent, before or after hosts are changed.

    Attributes:
        command: a program and its words, run on this machine in the site's directory, without a shell
        notice: a text that is sent by ``notify``; ``{host}``, ``{run}``, ``{runbook}``, ``{command}``, ``{ticket}`` and
            ``{result}`` stand for what they name
        timeout_s: how long it may take
    """

    command: tuple[Word, ...] = ()
    notice: Annotated[str, AfterValidator(_known_names)] = ""
    timeout_s: Annotated[int, Field(ge=1, le=3600)] = 60

    @model_validator(mode="after")
    def _one_of_both(self) -> Hook:
        if bool(self.command) == bool(self.notice):
            raise ValueError("needs exactly one of command and notice")
        return self

    def __str__(self) -> str:
        return self.command[0] if self.command else "notice"


class Hooks(StrictModel):
    """What happens around changes: [Roll-outs](roll-outs.md#hooks).

    Attributes:
        before_run: before the first host is changed; if one fails, no host is
        before_host: before a host is changed; if one fails, that host is left as it is
        after_host: after a host was changed, or failed
        after_run: after the last host
    """

    before_run: tuple[Hook, ...] = ()
    before_host: tuple[Hook, ...] = ()
    after_host: tuple[Hook, ...] = ()
    after_run: tuple[Hook, ...] = ()

    def at(self, moment: Moment) -> tuple[Hook, ...]:
        """Return the hooks of a moment."""
        found: tuple[Hook, ...] = getattr(self, moment)
        return found

    def placed(self) -> Iterator[tuple[str, Hook]]:
        """Yield every hook with its key."""
        for moment in MOMENTS:
            yield from ((f"{moment}.{at}", hook) for at, hook in enumerate(self.at(moment)))
