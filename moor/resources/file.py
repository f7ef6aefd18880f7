"""Files, directories and their absence."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from posixpath import basename, dirname, join
from shlex import quote

from moor.errors import ErrorKind, HostError
from moor.resources.base import Later, Scripted, State, is_hidden, literal
from moor.secrets.secret import Secret

ATTRIBUTES = "%U:%G %u:%g %a %s"  # the format of stat(1) that the probe of a file needs
LARGEST_SHOWN = 256 * 1024  # bytes; of a larger present content only the hash is read


def temporary_path(path: str) -> str:
    """Return the path of the temporary file beside ``path``; it is fixed, so that the next run reuses a leftover."""
    return join(dirname(path), f".{basename(path)}.moor")


def sha256(text: str) -> str:
    """Return the hash of text as bytes, with surrogate escapes as the bytes that they stand for."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def owner_like(desired: str, name: str, number: str) -> str:
    """Return the actual owner in the form of ``desired``, user and group each as name or as number."""
    pairs = zip(desired.split(":"), name.split(":"), number.split(":"), strict=True)
    return ":".join(as_number if want.isdigit() else as_name for want, as_name, as_number in pairs)


@dataclass(frozen=True)
class File(Scripted):
    """A regular file.

    Attributes:
        mode: three or four octal digits.
        owner: user:group, as names or numbers.
        validate: sh that must succeed on the new content, whose path is ``$t``, before it replaces the file.
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
        shown = 0 if is_hidden(self.content) else LARGEST_SHOWN
        return f"""\
p={quote(self.path)}
if [ -d "$p" ]; then echo directory
elif [ -e "$p" ]; then
  s=${{moor_s-}} sum=${{moor_h-}}
  if [ -n "$sum" ]; then printf '%s\\n' "$s"
  else stat -L -c '{ATTRIBUTES}' "$p"; sum=$(sha256sum < "$p") || exit 1; sum=${{sum%% *}}; fi
  printf '%s\\n' "$sum"
  [ "$sum" = {known} ] || [ "$(stat -L -c %s "$p")" -gt {shown} ] || cat "$p"
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
            owner = owner_like(self.owner, names, numbers)
        except ValueError:
            raise HostError(f"{self.id}: cannot read the host's answer: {head[:200]!r}", ErrorKind.ANSWER) from None
        return {"owner": owner, "mode": mode.rjust(4, "0"), "content": self._content(digest, content, size)}

    def _content(self, digest: str, content: str, size: str) -> str:
        if is_hidden(self.content):
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
p={quote(self.path)} t={quote(temporary_path(self.path))}
moor_keep "$p"
{make_parent(self.path)}
{replace_file(text, quote(self.owner), self.mode, self.validate)}"""

    def first_mend(self) -> str:
        user, group = self.owner.split(":")
        shape = f"{'%u' if user.isdigit() else '%U'}:{'%g' if group.isdigit() else '%G'} %a"
        wanted = f"{self.owner} {self.mode.lstrip('0') or '0'}"
        return f"""\
p={quote(self.path)}
s=$(sha256sum 2>/dev/null < "$p")
[ "${{s%% *}} $(stat -L -c '{shape}' "$p" 2>/dev/null)" != {quote(f"{self._hash()} {wanted}")} ] || exit 0
{self.mend(None)}"""


def make_parent(path: str) -> str:
    """Return a line of sh that makes the directory of ``path`` if it is missing; ``$t`` is the temporary file in it."""
    folder = quote(dirname(path))
    return f'[ -d {folder} ] || mkdir -p {folder} || moor_unwritable "cannot make the directory of $t" "$t"'


def replace_file(content: str, owner: str, mode: str, validate: str) -> str:
    """Return sh that writes ``content`` to ``$t``, runs ``validate``, syncs, and renames ``$t`` to ``$p``.

    Args:
        owner: a word of sh, quoted by the caller.
        mode: likewise.
    """
    return replace_by(literal(content), owner, mode, validate)


def replace_by(printing: str, owner: str, mode: str, validate: str) -> str:
    """Return sh as ``replace_file`` does, for the content that the sh command ``printing`` prints."""
    refused = "rm -f \"$t\"; moor_fail 'refused by its own check; the file is as it was'"
    checked = f"( {validate} ) >&2 || {{ {refused}; }}\n" if validate else ""
    return f"""\
rm -f "$t"
(umask 077; {printing} > "$t") && chown {owner} "$t" && chmod {mode} "$t" ||
  moor_unwritable "cannot write $t" "$t"
{checked}moor_place "$t" "$p\""""


@dataclass(frozen=True)
class Directory(Scripted):
    """A directory; mode and owner have the form of ``File``'s."""

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
            owner = owner_like(self.owner, names, numbers)
        except ValueError:
            raise HostError(f"{self.id}: something else is in its place; move it away") from None
        return {"owner": owner, "mode": mode.rjust(4, "0")}

    def mend(self, actual: State | None) -> str:
        path = quote(self.path)
        return f"mkdir -p {path} && chown {quote(self.owner)} {path} && chmod {self.mode} {path}"


@dataclass(frozen=True)
class Absent(Scripted):
    """The absence of a path: a file or link is removed, a directory only if it is empty."""

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
