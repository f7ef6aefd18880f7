"""A registry's directory as the runtimes read it: one CA and nothing beside it, and no other directory before it."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from moor.resources.base import Scripted, State


@dataclass(frozen=True)
class OnlyCa(Scripted):
    """Hold nothing beside ca.crt that a client of the registry would read.

    What ends in .crt there is one more trusted CA. What ends in .cert or .key is taken for the client's own
    certificate; Docker then refuses to log in, and a server's key that was copied there lies open.
    """

    directory: str

    @property
    def id(self) -> str:
        return f"ca-alone:{self.directory}"

    def desired(self, actual: State | None) -> State:
        return {"beside ca.crt": "nothing"}

    def probe(self) -> str:
        return self._each(
            'w=; ! grep -qs -e "PRIVATE KEY-----" "$f" || w=" (a private key)"; printf "%s%s\\n" "${f##*/}" "$w"'
        )

    def actual(self, output: str) -> State:
        return {"beside ca.crt": ", ".join(output.splitlines()) or "nothing"}

    def mend(self, actual: State | None) -> str:
        return self._each('moor_keep "$f"; rm -f "$f" || exit 1')

    def _each(self, command: str) -> str:
        place = quote(self.directory)
        return f"""\
for f in {place}/*.crt {place}/*.cert {place}/*.key; do
  case $f in {place}/ca.crt) continue ;; esac
  [ ! -e "$f" ] && [ ! -L "$f" ] || {{ {command}; }}
done"""


@dataclass(frozen=True)
class HidingDirectory(Scripted):
    """Hold no directory that a client finds before the registry's own.

    What a client reads of it is kept with the run's files. A file of another kind stops the mend: only a person knows
    what it is for.
    """

    directory: str

    @property
    def id(self) -> str:
        return f"hiding:{self.directory}"

    def desired(self, actual: State | None) -> None:
        return None

    def probe(self) -> str:
        place = quote(self.directory)
        return f"[ ! -e {place} ] && [ ! -L {place} ] || {{ echo there; ls -A {place}; }}"

    def actual(self, output: str) -> State | None:
        first, *names = output.splitlines() or [""]
        return {"hides the registry's directory": ", ".join(names) or "it is empty"} if first else None

    def mend(self, actual: State | None) -> str:
        place = quote(self.directory)
        return f"""\
if [ -L {place} ] || [ ! -d {place} ]; then moor_keep {place}; rm -f {place}; exit; fi
for f in {place}/hosts.toml {place}/*.crt {place}/*.cert {place}/*.key; do
  [ ! -f "$f" ] || {{ moor_keep "$f"; rm -f "$f" || exit 1; }}
done
rmdir {place}"""
