"""Files, directories and their absence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from posixpath import basename, dirname, join
from shlex import quote

from moor.errors import ErrorKind, HostError
from moor.resources.base import Later, Scripted, State, hidden, literal
from moor.secrets.secret import Secret

LARGEST_SHOWN = 256 * 1024  # bytes; a larger former content is compared by its hash and not shown


def beside(path: str) -> str:
    """Name the temporary of ``path``: fixed, so that the next run replaces what a killed one left."""
    return join(dirname(path), f".{basename(path)}.moor")


def sha256(text: str) -> str:
    """Hash text as the bytes that it stands for."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def same_form(desired: str, name: str, number: str) -> str:
    """Return the observed owner in the form of ``desired``: user:group by names or by numbers."""
    pairs = zip(desired.split(":"), name.split(":"), number.split(":"), strict=True)
    return ":".join(as_number if want.isdigit() else as_name for want, as_name, as_number in pairs)


@dataclass(frozen=True)
class File(Scripted):
    """Hold a regular file.

    Attributes:
        mode: three or four octal digits
        owner: user:group, names or numbers
        validate: sh that must succeed before the file gets its name; ``$t`` is the new content's path
    """

    path: str
    content: str | Secret | Later
    mode: str = "0644"
    owner: str = "root:root"
    validate: str = ""

    @property
    def id(self) -> str:
        return f"file:{self.path}"

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.path,)

    def desired(self, actual: State | None) -> State:
        return {"owner": self.owner, "mode": self.mode.rjust(4, "0"), "content": self.content}

    def probe(self) -> str:
        known = quote(self._hash()) if not isinstance(self.content, Later) else "''"
        shown = 0 if hidden(self.content) else LARGEST_SHOWN
        return f"""\
p={quote(self.path)}
if [ -d "$p" ]; then echo directory
elif [ -e "$p" ]; then
  stat -L -c '%U:%G %u:%g %a %s' "$p"
  sum=$(sha256sum < "$p") || exit 1
  printf '%s\\n' "${{sum%% *}}"
  [ "${{sum%% *}}" = {known} ] || [ "$(stat -L -c %s "$p")" -gt {shown} ] || cat "$p"
fi"""

    def actual(self, output: str) -> State | None:
        if not output:
            return None
        head, _, rest = output.partition("\n")
        if head == "directory":
            raise HostError(f"{self.id}: a directory is in its place; move it away")
        try:
            names, numbers, mode, size = head.split(" ")
            digest, _, content = rest.partition("\n")
            owner = same_form(self.owner, names, numbers)
        except ValueError:
            raise HostError(f"{self.id}: the host described it as {head[:200]!r}", ErrorKind.ANSWER) from None
        return {"owner": owner, "mode": mode.rjust(4, "0"), "content": self._content(digest, content, size)}

    def _content(self, digest: str, content: str, size: str) -> str:
        if hidden(self.content):
            return digest
        if isinstance(self.content, str) and digest == sha256(self.content):
            return self.content
        return content if content or size == "0" else f"({size} bytes, sha256 {digest})"

    def _hash(self) -> str:
        return self.content.sha256() if isinstance(self.content, Secret) else sha256(str(self.content))

    def mend(self, actual: State | None) -> str:
        if isinstance(self.content, Later):
            return f"moor_fail {quote(f'{self.id}: its content is not known yet: {self.content.what}')}"
        text = self.content.reveal() if isinstance(self.content, Secret) else self.content
        return f"""\
p={quote(self.path)} t={quote(beside(self.path))}
moor_keep "$p"
{parent(self.path)}
{replaced(text, quote(self.owner), self.mode, self.validate)}"""


def parent(path: str) -> str:
    """Return a line that makes the directory of ``path`` where it is missing; ``$t`` is the temporary in it."""
    folder = quote(dirname(path))
    return f'[ -d {folder} ] || mkdir -p {folder} || moor_unwritable "cannot make the directory of $t" "$t"'


def replaced(content: str, owner: str, mode: str, validate: str) -> str:
    """Return lines that put ``content`` at ``$p`` by way of ``$t`` beside it: synced, checked, renamed.

    Args:
        owner, mode: words of sh, quoted by the caller
    """
    refused = "rm -f \"$t\"; moor_fail 'refused by its own check; the file is as it was'"
    checked = f"( {validate} ) >&2 || {{ {refused}; }}\n" if validate else ""
    return f"""\
rm -f "$t"
(umask 077; {literal(content)} > "$t") && chown {owner} "$t" && chmod {mode} "$t" ||
  moor_unwritable "cannot write $t" "$t"
{checked}moor_place "$t" "$p\""""


@dataclass(frozen=True)
class Directory(Scripted):
    """Hold a directory; its mode and owner are those of ``File``."""

    path: str
    mode: str = "0755"
    owner: str = "root:root"

    @property
    def id(self) -> str:
        return f"directory:{self.path}"

    def desired(self, actual: State | None) -> State:
        return {"owner": self.owner, "mode": self.mode.rjust(4, "0")}

    def probe(self) -> str:
        path = quote(self.path)
        return f"[ ! -e {path} ] || {{ [ -d {path} ] || echo file; stat -L -c '%U:%G %u:%g %a' {path}; }}"

    def actual(self, output: str) -> State | None:
        if not output:
            return None
        try:
            names, numbers, mode = output.strip().split(" ")
            owner = same_form(self.owner, names, numbers)
        except ValueError:
            raise HostError(f"{self.id}: something else is in its place; move it away") from None
        return {"owner": owner, "mode": mode.rjust(4, "0")}

    def mend(self, actual: State | None) -> str:
        path = quote(self.path)
        return f"mkdir -p {path} && chown {quote(self.owner)} {path} && chmod {self.mode} {path}"


@dataclass(frozen=True)
class Absent(Scripted):
    """Hold nothing at a path: a file or link is removed, a directory only where it is empty."""

    path: str

    @property
    def id(self) -> str:
        return f"absent:{self.path}"

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.path,)

    def desired(self, actual: State | None) -> None:
        return None

    def probe(self) -> str:
        path = quote(self.path)
        return f"[ ! -e {path} ] && [ ! -L {path} ] || echo present"

    def actual(self, output: str) -> State | None:
        return {"present": "yes"} if output else None

    def mend(self, actual: State | None) -> str:
        path = quote(self.path)
        return f"if [ -d {path} ] && [ ! -L {path} ]; then rmdir {path}; else moor_keep {path}; rm -f {path}; fi"
