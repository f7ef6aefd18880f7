"""Large files, which are uploaded once, continued after a lost connection, and verified on the host."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from posixpath import basename, dirname, join
from shlex import quote

from nornir.core.task import Task

from moor.connections.ssh.shell import Shell
from moor.errors import ConnectionLost, ErrorKind, HostError, InputError
from moor.progress import TransferProgress
from moor.resources.base import State, Streamed
from moor.resources.file import owner_like
from moor.script_result import ScriptResult

CHUNK = 1024 * 1024
PAUSES_S = (1, 5, 15)  # before each retry after a lost connection, so that an sshd or network can come up again
SLOWEST = 250_000  # bytes a second; a slower upload times out
SLOWEST_HASH = 20_000_000  # bytes a second

# Prints what changes whenever a file is touched: its size, the times of content and inode, the inode's number.
STAT = "TZ=UTC0 stat -L -c '%s %y %z %i'"


def hash_record_path(path: str) -> str:
    """Return the path of the file that keeps the verified hash of ``path``, so that a check need not hash it again."""
    return join(dirname(path), f".{basename(path)}.sha256")


@dataclass(frozen=True)
class Archive(Streamed):
    """A copy of a large file of the controller.

    Attributes:
        source: the file on the controller.
        sha256: the expected hash of ``source``; None for whatever it has.
        mode: three or four octal digits.
        owner: user:group, as names or numbers.
    """

    path: str
    source: Path
    sha256: str | None = None
    mode: str = "0644"
    owner: str = "root:root"

    @property
    def id(self) -> str:
        return f"archive:{self.path}"

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.path,)

    @property
    def digest(self) -> str:
        """Return the hash that the copy must have; raises InputError if it must come from a missing ``source``."""
        return self.sha256 or hash_of_file(self.source)

    def desired(self, actual: State | None) -> State:
        if (actual is None or actual["sha256"] != self.digest) and not self.source.is_file():
            raise InputError(f"{self.id}: {self.source} is to be uploaded, and is not there; download it first")
        return {"owner": self.owner, "mode": self.mode.rjust(4, "0"), "sha256": self.digest}

    def probe(self) -> str:
        return f"""\
p={quote(self.path)} r={quote(hash_record_path(self.path))}
if [ -d "$p" ]; then echo directory
elif [ -e "$p" ]; then
  stat -L -c '%U:%G %u:%g %a' "$p"
  [ ! -f "$r" ] || {{ now=$({STAT} "$p"); read -r sum then < "$r"; [ "$now" != "$then" ] || printf '%s\\n' "$sum"; }}
fi"""

    def actual(self, output: str) -> State | None:
        lines = output.splitlines()
        if not lines:
            return None
        if lines[0] == "directory":
            raise HostError(f"{self.id}: a directory is in its place; move it away")
        try:
            names, numbers, mode = lines[0].split(" ")
            owner = owner_like(self.owner, names, numbers)
        except ValueError:
            words = f"{self.id}: cannot read the host's answer: {lines[0][:200]!r}"
            raise HostError(words, ErrorKind.ANSWER) from None
        digest = lines[1] if len(lines) > 1 else "(not verified since it was last touched)"
        return {"owner": owner, "mode": mode.rjust(4, "0"), "sha256": digest}

    def write(self, task: Task, actual: State | None) -> None:
        shell: Shell = task.host.get_connection("shell", task.nornir.config)
        size = self._checked_size()
        for pause_s in PAUSES_S:
            try:
                return self._write(shell, task.host.name, size)
            except ConnectionLost:
                time.sleep(pause_s)
        return self._write(shell, task.host.name, size)

    def _write(self, shell: Shell, host: str, size: int) -> None:
        """Send the missing part and verify the whole; the shell connects again if the connection was lost."""
        partial = self._partial(shell.run(self._prepare(), _hashing_s(size)))
        if partial is not None:
            self._upload(shell, host, self._usable(partial, size), size)

    def _checked_size(self) -> int:
        """Return the size of the source; raises InputError if its hash is not ``sha256``."""
        if hash_of_file(self.source) != self.digest:
            raise InputError(f"{self.source}: not the file that sha256 names, {self.digest}; was the download cut?")
        return self.source.stat().st_size

    @property
    def _part(self) -> str:
        return f"{self.path}.part-{self.digest[:16]}"

    def _names(self) -> str:
        record, folder = quote(hash_record_path(self.path)), quote(dirname(self.path))
        return f"p={quote(self.path)} t={quote(self._part)} r={record} d={folder} want={self.digest}\n{FUNCTIONS}"

    def _seal(self) -> str:
        """Return sh that sets owner and mode of the file, and records its verified hash."""
        return f"""\
chown {quote(self.owner)} "$p" && chmod {self.mode} "$p" || exit 1
printf '%s %s\\n' "$want" "$({STAT} "$p")" > "$r.new" && mv -f "$r.new" "$r\""""

    def _prepare(self) -> str:
        """Return sh that seals a complete file, or else prints size and hash of the uploaded part, and free space."""
        return f"""\
{self._names()}
mkdir -p "$d" || exit 1
for old in "$p".part-*; do [ "$old" = "$t" ] || rm -f "$old"; done
if [ -f "$p" ] && [ "$(sum "$p")" = "$want" ]; then
{self._seal()} && rm -f "$t" && echo whole
  exit
fi
[ -f "$t" ] || (umask 077; : > "$t") || exit 1
size=$(stat -c %s "$t") || exit 1
echo "part $size $(sum "$t")"
df -Pk "$d" | tail -n 1"""

    def _partial(self, answer: ScriptResult) -> tuple[int, str, int] | None:
        """Parse the output of ``_prepare``: size and hash of the part, free bytes; None if the file is complete."""
        output = _output_of(answer, "preparing")
        if output.strip() == "whole":
            return None
        try:
            (word, size, digest), room = output.split("\n")[0].split(" "), output.split("\n")[1].split()
            if word == "part":
                return int(size), digest, int(room[-3]) * 1024
        except (ValueError, IndexError):
            pass
        raise HostError(f"{self.id}: cannot read the host's answer: {output[:200]!r}", ErrorKind.ANSWER)

    def _usable(self, partial: tuple[int, str, int], size: int) -> int:
        """Return how many bytes of the part can be kept; raises HostError if there is no space for the rest."""
        held, digest, room = partial
        offset = held if held <= size and hash_of_file(self.source, held) == digest else 0
        if size - offset > room + (held - offset):
            needed, free = (size - offset) // 10**6, room // 10**6
            raise HostError(
                f"{needed} MB are to be uploaded and {free} MB are free there; make room in {self.path!r}",
                ErrorKind.SPACE,
            )
        return offset

    def _upload(self, shell: Shell, host: str, offset: int, size: int) -> None:
        meter = TransferProgress(f"{host}: uploading {basename(self.path)}", size, offset)
        with self.source.open("rb") as source:
            source.seek(offset)
            bound_s = 300 + (size - offset) / SLOWEST + _hashing_s(size)
            _output_of(shell.stream(self._receive(offset, size), source, bound_s, meter), "uploading")

    def _receive(self, offset: int, size: int) -> str:
        """Return sh that appends its input to the first ``offset`` bytes of the part, verifies it and renames it.

        The content is hashed while it is written, so that it need not be read again. A part that is too short is kept:
        the connection was lost, or the disk is full, which tee reports.
        """
        return f"""\
{self._names()}
{"" if offset else ': > "$t" || exit 1'}
got=$({{ {{ cat "$t" && tee -a "$t"; }} || echo; }} | sha256sum)
[ "$(stat -c %s "$t")" = {size} ] || exit 1
if [ "${{got%% *}}" != "$want" ]; then
  rm -f "$t"; echo 'what arrived is not what was sent; run again' >&2; exit 1
fi
sync "$t" 2>/dev/null || sync
chown {quote(self.owner)} "$t" && chmod {self.mode} "$t" && mv -f "$t" "$p" || exit 1
{self._seal()}"""


FUNCTIONS = 'sum() { s=$(sha256sum < "$1") || exit 1; printf %s "${s%% *}"; }'


def _hashing_s(size: int) -> float:
    """Return how long a host may take to read ``size`` bytes twice, and to sync them."""
    return 120 + 2 * size / SLOWEST_HASH


def _output_of(answer: ScriptResult, doing: str) -> str:
    if answer.code:
        printed = answer.stderr.decode("utf-8", "replace").strip()[-2000:]
        raise HostError(f"{doing} failed (exit {answer.code}): {printed or 'it printed nothing'}", ErrorKind.COMMAND)
    return answer.stdout.decode("utf-8", "replace")


def hash_of_file(path: Path, length: int | None = None) -> str:
    """Return the hash of a file of the controller, or of its first ``length`` bytes; cached until the file changes."""
    try:
        status = path.stat()
        return _hash(path, status.st_size if length is None else length, status.st_mtime_ns, status.st_ino)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; download it first") from error


@lru_cache(maxsize=64)
def _hash(path: Path, length: int, mtime_ns: int, inode: int) -> str:
    digest, left = hashlib.sha256(), length
    with path.open("rb", buffering=0) as file:
        while left and (piece := file.read(min(CHUNK, left))):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()
