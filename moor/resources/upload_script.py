"""The sh of an upload: what a host does with a large file before, while and after it arrives.

Nothing takes the file's place before the controller has compared the hash of what lies on the disk with that of what it
sent. So there are three scripts: ``look`` tells what is there already, ``receive`` appends to the part, ``seal`` puts
the part in its place. ``seal`` acts only if the part is untouched since it was hashed.
"""

from __future__ import annotations

from dataclasses import dataclass
from posixpath import basename, dirname, join
from shlex import quote

# Prints what changes whenever a file is touched: its size, the times of content and inode, the inode's number.
STAT = "TZ=UTC0 stat -L -c '%s %y %z %i'"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # the SHA-256 of nothing

# openssl takes the processor's own instructions for SHA-256, or else its widest; the sha256sum of coreutils and of
# busybox is four times slower where there are such. As not every openssl is one that works, it is tried before.
FUNCTIONS = f"""\
hex() {{ sed -n 's/.*\\([0-9a-f]\\{{64\\}}\\).*/\\1/p'; }}
sum() {{
  if [ "$(openssl dgst -sha256 </dev/null 2>/dev/null | hex)" = {EMPTY} ]
  then openssl dgst -sha256; else sha256sum; fi | hex | grep . || fail 'no program here computes a SHA-256'
}}
fail() {{ printf '%s\\n' "$1" >&2; exit 1; }}
state() {{ {STAT} "$1"; }}
size() {{ stat -L -c %s "$1"; }}
tell() {{
  s=$(state "$2") && h=$(sum < "$2") || exit 1
  [ "$s" = "$(state "$2")" ] || fail "$2 changed while it was hashed; run again"
  printf '%s %s %s\\n' "$1" "$h" "$s"
}}
"""
# Earlier versions named a part by the hash of its file.
FORMER_PART = "[0-9a-f]" * 16


def hash_record_path(path: str) -> str:
    """Return the path of the file that keeps the verified hash of ``path``, so that a check need not hash it again."""
    return join(dirname(path), f".{basename(path)}.sha256")


def part_path(path: str) -> str:
    """Return the path of what has arrived of ``path`` so far."""
    return join(dirname(path), f".{basename(path)}.part")


@dataclass(frozen=True)
class UploadScripts:
    """The scripts of an upload to ``path``, for a file of ``size`` bytes.

    Attributes:
        path: where the file goes.
        size: in bytes.
        owner: user:group.
        mode: in octal digits.
    """

    path: str
    size: int
    owner: str
    mode: str

    def look(self) -> str:
        """Return sh that tells of the file in place, if it has the size, of the part, and of the free space.

        Each line begins with a word: ``file`` and ``part`` with hash and state, ``free`` with KiB. A part that is a
        link or somebody else's is none.
        """
        return f"""\
{self._names()}
mkdir -p "$d" || exit 1
rm -f "$p".part-{FORMER_PART}
if [ -f "$p" ] && [ "$(size "$p")" = {self.size} ]; then tell file "$p"; fi
if [ -f "$t" ] && [ ! -L "$t" ] && [ -O "$t" ]; then tell part "$t"; fi
df -Pk "$d" | sed -n '$s/.* \\([0-9][0-9]*\\)  *[0-9]*% .*/free \\1/p'"""

    def receive(self, offset: int) -> str:
        """Return sh that appends its input to the first ``offset`` bytes of the part, and tells hash and state of it.

        The content is hashed while it is written, so that it need not be read back. What is hashed is what lies there:
        the part only ever grows, so that a part of the right size and the same inode holds nothing but this input, and
        tee and fsync report what could not be written. A part that is too short is kept, to be continued.
        """
        begin = f'[ "$(size "$t")" = {offset} ]' if offset else '{ rm -f "$t"; (umask 077; set -C; : > "$t"); }'
        return f"""\
{self._names()}
{begin} || fail "cannot begin to write $t, or it was changed meanwhile; run again"
i=$(stat -c %i "$t") || exit 1
h=$({{ {{ cat "$t" && tee -a "$t"; }} || echo failed; }} | sum) || exit 1
[ "$(stat -c %i "$t")" = "$i" ] || fail "another upload of $p has begun meanwhile; wait for it, then run again"
n=$(size "$t")
[ "$n" = {self.size} ] || fail "$n bytes are there, {self.size} were to be sent"
if said=$(dd if=/dev/null of="$t" conv=notrunc,fsync 2>&1); then :; else fail "$said"; fi
s=$(state "$t") && printf 'part %s %s\\n' "$h" "$s\""""

    def seal(self, state: str, digest: str, is_part: bool) -> str:
        """Return sh that sets owner and mode, puts a part in its place, and records the hash.

        Args:
            state: of the file when it was hashed.
            digest: its hash.
            is_part: the file is the part; else it is in its place already.
        """
        return f"""\
{self._names()}
f={'"$t"' if is_part else '"$p"'}
[ "$(state "$f")" = {quote(state)} ] || fail "$f was changed after it was hashed; run again"
chown {quote(self.owner)} "$f" && chmod {self.mode} "$f" || exit 1
{'mv -f "$t" "$p" || exit 1' if is_part else 'rm -f "$t"'}
printf '%s %s\\n' {digest} "$(state "$p")" > "$r.new" && mv -f "$r.new" "$r\""""

    def discard(self) -> str:
        """Return sh that removes the part."""
        return f'{self._names()}\nrm -f "$t"'

    def _names(self) -> str:
        names = {"p": self.path, "t": part_path(self.path), "r": hash_record_path(self.path), "d": dirname(self.path)}
        return "\n".join(f"{name}={quote(path)}" for name, path in names.items()) + f"\n{FUNCTIONS}"


@dataclass(frozen=True)
class FileOnHost:
    """A file on the host that was hashed there.

    Attributes:
        digest: its hash.
        state: as ``STAT`` printed it.
    """

    digest: str
    state: str

    @property
    def size(self) -> int:
        return int(self.state.split(" ")[0])


@dataclass
class Found:
    """What a host has, and its free space in bytes, as far as its file system tells."""

    file: FileOnHost | None = None
    part: FileOnHost | None = None
    free: int | None = None

    @classmethod
    def parse(cls, output: str) -> Found:
        """Parse the output of ``look`` and ``receive``; raises ValueError if it cannot be read."""
        found = cls()
        for line in output.splitlines():
            match line.split(" ", 2):
                case ["free", kib]:
                    found.free = int(kib) * 1024
                case ["file", digest, state]:
                    found.file = FileOnHost(digest, state)
                case ["part", digest, state]:
                    found.part = FileOnHost(digest, state)
                    int(state.split(" ")[0])
                case _:
                    raise ValueError(line)
        return found
