"""The absence of what moor wrote on a host and no longer keeps there."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from moor.resources.base import Scripted, State


@dataclass(frozen=True)
class Leftover(Scripted):
    """The absence of files that moor wrote, by which it knows them; files of others at the same place stay.

    Attributes:
        path: of the files; ``*`` stands for any part of one name
        mark: how their first line begins
        holds: what they have to hold beside that; empty for nothing
        kept: directories of files that stay
        beside: names of files that go with them
    """

    path: str
    mark: str
    holds: str = ""
    kept: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"leftover:{self.path}"

    @property
    def writes(self) -> tuple[str, ...]:
        return () if "*" in self.path else (self.path,)

    def desired(self, actual: State | None) -> None:
        return None

    def probe(self) -> str:
        return self._each("printf '%s\\n' \"$f\"")

    def actual(self, output: str) -> State | None:
        return {"written by moor": ", ".join(output.splitlines())} if output.strip() else None

    def mend(self, actual: State | None) -> str:
        beside = " ".join(f'"$d"/{quote(name)}' for name in self.beside)
        gone = 'moor_keep "$g"; rm -f "$g" || exit 1'
        # What moor knows the files by goes last, so that a run that is cut off is gone on with.
        return self._each(
            f'for g in {beside} "$f"; do [ ! -f "$g" ] || {{ {gone}; }}; done; rmdir "$d" 2>/dev/null || :'
        )

    def _each(self, command: str) -> str:
        pattern = "*".join(quote(part) if part else "" for part in self.path.split("*"))
        kept = "|".join(map(quote, self.kept)) or "''"
        held = f'grep -qF -e {quote(self.holds)} "$f" || continue' if self.holds else ":"
        return f"""\
for f in {pattern}; do
  d=${{f%/*}}
  case $d in {kept}) continue ;; esac
  l=
  [ -f "$f" ] && [ ! -L "$f" ] || continue
  IFS= read -r l < "$f" || [ -n "$l" ] || continue
  {held}
  case $l in {quote(self.mark)}*) {command} ;; esac
done"""
