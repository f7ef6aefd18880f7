"""A part of a file that other people own too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from shlex import quote

from moor.errors import HostError
from moor.resources.base import Scripted, State
from moor.resources.file import beside, parent, replaced, sha256

LARGEST = 8 * 1024 * 1024  # bytes; what is edited comes to the controller whole, and goes back


@dataclass(frozen=True)
class Edit(Scripted):
    """Hold what ``edit`` makes of a file's present content; an absent file is empty text, its mode and owner stay.

    about     what the edit is for: the id is ``edit:PATH#about``
    edit      pure and idempotent: (content, facts) to content; raises HostError where the content defies it
    asks      sh whose output is ``facts``, such as a program's version
    validate  sh that must succeed before the file gets its name; ``$t`` is the new content's path
    """

    path: str
    about: str
    edit: Callable[[str, str], str] = field(compare=False)
    asks: str = ":"
    validate: str = ""

    @property
    def id(self) -> str:
        return f"edit:{self.path}#{self.about}"

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.path,)

    def desired(self, actual: State | None) -> State | None:
        content = str(actual["content"]) if actual else ""
        edited = self.edit(content, str(actual["facts"]) if actual else "")
        exists = bool(actual and actual["exists"])
        return {"content": edited, "exists": "yes"} if edited or exists else actual

    def probe(self) -> str:
        path = quote(self.path)
        return f"""\
f=$( {self.asks} ) || f=; printf '%s' "$f" | wc -c; printf '%s' "$f"
if [ -d {path} ]; then echo directory
elif [ -e {path} ] && [ "$(stat -L -c %s {path})" -gt {LARGEST} ]; then echo large; stat -L -c %s {path}
elif [ -e {path} ]; then echo file; cat {path}; fi"""

    def actual(self, output: str) -> State | None:
        length, _, rest = output.partition("\n")
        try:
            raw = rest.encode("utf-8", "surrogateescape")
            facts, kind_and_content = raw[: int(length)], raw[int(length) :]
        except ValueError:
            raise HostError(f"{self.id}: the host described it as {length[:200]!r}") from None
        kind, _, content = kind_and_content.partition(b"\n")
        if kind == b"directory":
            raise HostError(f"{self.id}: a directory is in its place; move it away")
        if kind == b"large":
            size = content.decode("ascii", "replace").strip()
            raise HostError(f"{self.id}: it has {size} bytes, more than a file to edit; see what filled it, or move it")
        return {
            "content": content.decode("utf-8", "surrogateescape"),
            "exists": "yes" if kind == b"file" else "",
            "facts": facts.decode("utf-8", "surrogateescape"),
        }

    def mend(self, actual: State | None) -> str:
        wanted = self.desired(actual)
        content = str(wanted["content"]) if wanted else ""
        known = sha256(str(actual["content"]) if actual else "")
        return f"""\
p={quote(self.path)}; [ ! -L "$p" ] || p=$(readlink -f "$p") || exit 1
t={quote(beside(self.path))}
moor_keep {quote(self.path)}
{parent(self.path)}
sum=$(if [ -e "$p" ]; then sha256sum < "$p"; else sha256sum < /dev/null; fi)
[ "${{sum%% *}}" = {known} ] || moor_fail 'it changed after it was read; run again'
o=0:0 m=0644; [ ! -e "$p" ] || {{ o=$(stat -c %u:%g "$p"); m=$(stat -c %a "$p"); }}
{replaced(content, '"$o"', '"$m"', self.validate)}"""
