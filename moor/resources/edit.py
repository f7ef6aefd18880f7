"""Edits of files that other programs and people own too."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from shlex import quote
from typing import ClassVar

from moor.errors import ErrorKind, HostError
from moor.resources.base import Scripted, State, literal
from moor.resources.file import make_parent, replace_by, sha256, temporary_path

LONGEST_CHARS = 1000  # of what a check prints
# Text after a line with its length in bytes: the scripts run with LC_ALL=C, where a character is a byte.
MEASURED, NOTHING = 'printf \'%s\\n%s\' "${#f}" "$f"', "echo 0"
SILENT = "it printed nothing"  # a check that failed
LARGEST_BYTES = 8 * 1024 * 1024  # the whole file travels to the controller and back


@dataclass(frozen=True)
class Edit(Scripted):
    """A change of a part of a file, whose other parts, mode and owner stay; a missing file counts as empty.

    Attributes:
        about: the purpose of the edit; the id is ``edit:PATH#about``.
        edit: a pure and idempotent function from (content, facts) to the desired content; raises HostError if the
            content cannot be edited.
        asks: sh that prints ``facts``, such as a program's version.
        check: sh that succeeds if the program that reads the file accepts the whole of ``$t``, and changes nothing.
            Every probe runs it on the present file, and the mend on the new content before it replaces the file.
        validate: further sh that must succeed on the new content, whose path is ``$t``, before it replaces the file.
        missing_stays: a missing file stays missing.
        assumes: ``facts`` of a machine that cannot be asked yet, for its first boot.
        shipped: contents that packages bring, without comments, which a first boot can edit beside a missing file.
        is_secret: what it writes is not shown.
    """

    is_secret: ClassVar[bool] = False

    path: str
    about: str
    edit: Callable[[str, str], str] = field(compare=False)
    asks: str = ":"
    check: str = ""
    validate: str = ""
    missing_stays: bool = False
    assumes: str = field(default="", compare=False)
    shipped: tuple[str, ...] = field(default=(), compare=False)

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
        if not exists and (self.missing_stays or not edited):
            return actual
        return {"content": edited, "exists": "yes", **({"loads": "yes"} if exists and self.check else {})}

    def refusal(self, actual: State | None, desired: State | None) -> str:
        present, wanted = actual or {}, desired or {}
        if present.get("content") != wanted.get("content") or present.get("loads") == wanted.get("loads"):
            return ""
        return (
            f"the present file does not load: {present['loads']}; moor's part of it is right, so mend the rest by hand"
        )

    def probe(self) -> str:
        path = quote(self.path)
        loads = f"[ ! -f {path} ] || w=$( {self._checked(path)} 2>&1 ) || printf '%s' \"${{w:-{SILENT}}}\""
        asked = NOTHING if self.asks == ":" else f"f=$( {self.asks} ) || f=; {MEASURED}"
        checked = f"f=$( {loads} ); {MEASURED}" if self.check else NOTHING
        return f"""\
{asked}
{checked}
if [ -d {path} ]; then echo directory
elif [ -e {path} ] && [ "$(stat -L -c %s {path})" -gt {LARGEST_BYTES} ]; then echo large; stat -L -c %s {path}
elif [ -e {path} ]; then echo file; cat {path}; fi"""

    def _checked(self, path: str) -> str:
        """Return sh that runs the check on ``path``; the caller reads its stdout as well as its stderr."""
        return f"( t={path}; cd / || exit 1; {self.check}\n)"

    def actual(self, output: str) -> State | None:
        try:
            facts, rest = _split_measured(output.encode("utf-8", "surrogateescape"))
            refused, rest = _split_measured(rest)
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
            "loads": (_one_line(refused) or SILENT) if refused else "yes",
        }

    def mend(self, actual: State | None) -> str:
        wanted = self.desired(actual)
        return self._written(str(wanted["content"]) if wanted else "", str(actual["content"]) if actual else "")

    def _written(self, content: str, before: str) -> str:
        """Return sh that replaces the file's content, unless that is not ``before`` any more."""
        unchanged = f"""\
sum=$(if [ -e "$p" ]; then sha256sum < "$p"; else sha256sum < /dev/null; fi)
[ "${{sum%% *}}" = {sha256(before)} ] || moor_fail 'it changed after it was read; run again'"""
        return self.replacing(unchanged, literal(content))

    def replacing(self, before: str, printing: str) -> str:
        """Return sh that replaces the file, whose owner and mode stay.

        Args:
            before: sh that ends the fragment where the file, ``$p``, must not be replaced.
            printing: a sh command that prints the new content.
        """
        return f"""\
p={quote(self.path)}; [ ! -L "$p" ] || p=$(readlink -f "$p") || exit 1
t={quote(temporary_path(self.path))}
{before}
moor_keep {quote(self.path)}
{make_parent(self.path)}
{self._attributes()}
{replace_by(printing, '"$o"', '"$m"', self._before_placing())}"""

    def _attributes(self) -> str:
        """Return sh that sets ``$o`` and ``$m``, owner and mode of the new file ``$p``."""
        return 'o=0:0 m=0644; [ ! -e "$p" ] || { o=$(stat -c %u:%g "$p"); m=$(stat -c %a "$p"); }'

    def _before_placing(self) -> str:
        """Return sh that fails if the new content is not accepted, and prints why, with the file's own path in it."""
        if not self.check:
            return self.validate
        named = quote(f"s|{re.escape(temporary_path(self.path))}|{self.path}|g")
        return f"""\
w=$( {self._checked('"$t"')} 2>&1 ) || {{ printf '%s\\n' "${{w:-{SILENT}}}" | sed {named}; exit 1; }}
{self.validate or ":"}"""


def _split_measured(raw: bytes) -> tuple[bytes, bytes]:
    """Split content that is preceded by a line with its length from the rest; raises ValueError."""
    length, _, rest = raw.partition(b"\n")
    return rest[: int(length)], rest[int(length) :]


def _one_line(refused: bytes) -> str:
    """Return what a check printed in one line."""
    return " ".join(refused.decode("utf-8", "replace").split())[:LONGEST_CHARS]
