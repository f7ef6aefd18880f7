"""A part of a file that other people own too."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from shlex import quote

from moor.errors import ErrorKind, HostError
from moor.resources.base import Scripted, State
from moor.resources.file import beside, parent, replaced, sha256

LONGEST = 1000  # characters of what a check says
LARGEST = 8 * 1024 * 1024  # bytes; what is edited comes to the controller whole, and goes back


@dataclass(frozen=True)
class Edit(Scripted):
    """Hold what ``edit`` makes of a file's present content; an absent file is empty text, its mode and owner stay.

    Attributes:
        about: what the edit is for: the id is ``edit:PATH#about``
        edit: pure and idempotent: (content, facts) to content; raises HostError where the content defies it
        asks: sh whose output is ``facts``, such as a program's version
        check: sh that changes nothing and succeeds where the program that reads the file takes ``$t``, all of it: asked
            of the file as it stands at every reading, and of the new content before that takes its place
        validate: further sh that must succeed before the file gets its name; ``$t`` is the new content's path
    """

    path: str
    about: str
    edit: Callable[[str, str], str] = field(compare=False)
    asks: str = ":"
    check: str = ""
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
        if not (edited or exists):
            return actual
        return {"content": edited, "exists": "yes", **({"loads": "yes"} if exists and self.check else {})}

    def refusal(self, actual: State | None, desired: State | None) -> str:
        seen, wanted = actual or {}, desired or {}
        if seen.get("content") != wanted.get("content") or seen.get("loads") == wanted.get("loads"):
            return ""
        return f"it does not load as it stands: {seen['loads']}; moor's part of it is right, so mend the rest by hand"

    def probe(self) -> str:
        path = quote(self.path)
        loads = f"[ ! -f {path} ] || w=$( {self._checked(path)} 2>&1 ) || printf '%s' \"${{w:-it printed nothing}}\""
        return f"""\
f=$( {self.asks} ) || f=; printf '%s' "$f" | wc -c; printf '%s' "$f"
f=$( {loads if self.check else ":"} ); printf '%s' "$f" | wc -c; printf '%s' "$f"
if [ -d {path} ]; then echo directory
elif [ -e {path} ] && [ "$(stat -L -c %s {path})" -gt {LARGEST} ]; then echo large; stat -L -c %s {path}
elif [ -e {path} ]; then echo file; cat {path}; fi"""

    def _checked(self, path: str) -> str:
        """Return sh that runs the check on ``path``; whatever the program prints to stdout counts as its words too."""
        return f"( t={path}; cd / || exit 1; {self.check}\n)"

    def actual(self, output: str) -> State | None:
        try:
            facts, rest = _measured(output.encode("utf-8", "surrogateescape"))
            refused, rest = _measured(rest)
        except ValueError:
            raise HostError(f"{self.id}: cannot read the host's answer: {output[:200]!r}", ErrorKind.ANSWER) from None
        kind, _, content = rest.partition(b"\n")
        if kind == b"directory":
            raise HostError(f"{self.id}: a directory is in its place; move it away")
        if kind == b"large":
            size = content.decode("ascii", "replace").strip()
            raise HostError(f"{self.id}: it has {size} bytes, more than a file to edit; see what filled it, or move it")
        return {
            "content": content.decode("utf-8", "surrogateescape"),
            "exists": "yes" if kind == b"file" else "",
            "facts": facts.decode("utf-8", "surrogateescape"),
            "loads": _words(refused) or "yes",
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
{replaced(content, '"$o"', '"$m"', self._before_placing())}"""

    def _before_placing(self) -> str:
        """Return sh that lets the new content pass, or prints why not, with the file's own name in it."""
        if not self.check:
            return self.validate
        named = quote(f"s|{re.escape(beside(self.path))}|{self.path}|g")
        return f"""\
w=$( {self._checked('"$t"')} 2>&1 ) || {{ printf '%s\\n' "${{w:-it printed nothing}}" | sed {named}; exit 1; }}
{self.validate or ":"}"""


def _measured(raw: bytes) -> tuple[bytes, bytes]:
    """Part what stands behind a line with its length from the rest; raises ValueError."""
    length, _, rest = raw.partition(b"\n")
    return rest[: int(length)], rest[int(length) :]


def _words(refused: bytes) -> str:
    """Return what a check said in one line."""
    return " ".join(refused.decode("utf-8", "replace").split())[:LONGEST]
