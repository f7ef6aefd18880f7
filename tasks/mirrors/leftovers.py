"""The hosts.toml of registries that were mirrored once, and that the inventory no longer lists."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from moor.resources.base import Scripted, State
from moor.tasks.mirrors.hosts_toml import MARK


@dataclass(frozen=True)
class UnlistedMirrors(Scripted):
    """The absence of hosts.toml files that moor wrote for registries that are not mirrored any more.

    Attributes:
        names: of the registries that are mirrored
    """

    directory: str
    names: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"unlisted-mirrors:{self.directory}"

    def desired(self, actual: State | None) -> State:
        return {"no longer listed": "none"}

    def probe(self) -> str:
        return self._each('echo "${f%/hosts.toml}"')

    def actual(self, output: str) -> State:
        return {"no longer listed": ", ".join(line.rpartition("/")[2] for line in output.splitlines()) or "none"}

    def mend(self, actual: State | None) -> str:
        return self._each(
            'moor_keep "$f"; rm -f "$f" && rmdir "${f%/hosts.toml}" 2>/dev/null || [ ! -e "$f" ] || exit 1'
        )

    def _each(self, command: str) -> str:
        place = quote(self.directory)
        listed = "|".join(f"{place}/{quote(name)}/hosts.toml" for name in self.names) or "''"
        return f"""\
for f in {place}/*/hosts.toml; do
  case $f in {listed}) continue ;; esac
  [ -f "$f" ] && IFS= read -r l < "$f" || continue
  case $l in {quote(MARK)}*) {command} ;; esac
done"""
