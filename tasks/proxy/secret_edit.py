"""Edits of lines with a password in a file of others, which root alone may read from then on; no content is shown."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import ClassVar

from moor.resources.base import State
from moor.resources.edit import Edit

LINES = "moor's lines"
RIGHT, OTHER = "right", "missing or others"


@dataclass(frozen=True)
class SecretEdit(Edit):
    """An edit whose plan says only whether moor's lines are right; on a host of which ``asks`` prints nothing, none.

    Attributes:
        mode: of the file from then on; empty for its present one
    """

    is_secret: ClassVar[bool] = True

    mode: str = "0600"

    def desired(self, actual: State | None) -> State | None:
        wanted = super().desired(actual)
        if actual is None or wanted is actual or not actual["facts"]:
            return actual
        return {LINES: RIGHT, "mode": self.mode or str(actual["mode"])}

    def probe(self) -> str:
        return f"stat -L -c %04a {quote(self.path)} 2>/dev/null || echo none\n{super().probe()}"

    def actual(self, output: str) -> State | None:
        mode, _, rest = output.partition("\n")
        found = super().actual(rest)
        if found is None:
            return None
        right = self.edit(str(found["content"]), str(found["facts"])) == found["content"]
        return {**found, LINES: RIGHT if right else OTHER, "mode": mode}

    def mend(self, actual: State | None) -> str:
        content, facts = (str(actual[key]) if actual else "" for key in ("content", "facts"))
        return self._written(self.edit(content, facts), content)

    def _attributes(self) -> str:
        mode = f"m={self.mode}" if self.mode else ":"
        return f"{super()._attributes()}; {mode}"
