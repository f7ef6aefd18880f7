"""Large files: uploaded once, continued after a cut, verified on the host."""

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
from moor.resources.file import same_form
from moor.script_result import ScriptResult

CHUNK = 1024 * 1024
PAUSES_S = (1, 5, 15)  # after a cut, before the upload goes on: a host that restarts its sshd or its network is back
SLOWEST = 250_000  # bytes a second; a slower upload is given up
SLOWEST_HASH = 20_000_000  # bytes a second

# What the kernel says of a file while nobody has touched it: size, changes of content and of the inode, the inode.
STAT = "TZ=UTC0 stat -L -c '%s %y %z %i'"


def record_of(path: str) -> str:
    """Name the file beside ``path`` that remembers its verified hash, so that a check need not read it all again."""
    return join(dirname(path), f".{basename(path)}.sha256")


@dataclass(frozen=True)
class Archive(Streamed):
    """Hold a copy of a large file of the controller.

    Attributes:
        sha256: what it must be; without it, whatever ``source`` holds
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
        """Return the hash that the host's copy shall have; raises InputError where only ``source`` could tell."""
        return self.sha256 or hash_of(self.source)

    def desired(self, actual: State | None) -> State:
        if (actual is None or actual["sha256"] != self.digest) and not self.source.is_file():
            raise InputError(f"{self.id}: {self.source} is to be uploaded, and is not there; download it first")
        return {"owner": self.owner, "mode": self.mode.rjust(4, "0"), "sha256": self.digest}

    def probe(self) -> str:
        return f"""\
p={quote(self.path)} r={quote(record_of(self.path))}
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
            owner = same_form(self.owner, names, numbers)
        except ValueError:
            raise HostError(f"{self.id}: the host described it as {lines[0][:200]!r}", ErrorKind.ANSWER) from None
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
        """Send what is missing, and verify it; the shell connects anew where the connection was lost."""
        partial = self._partial(shell.run(self._prepare(), _hashing_s(size)))
        if partial is not None:
            self._upload(shell, host, self._usable(partial, size), size)

    def _checked_size(self) -> int:
        """Return the size of the source, once it is what it should be."""
        if hash_of(self.source) != self.digest:
            raise InputError(f"{self.source}: not the file that sha256 names, {self.digest}; was the download cut?")
        return self.source.stat().st_size

    @property
    def _part(self) -> str:
        return f"{self.path}.part-{self.digest[:16]}"

    def _names(self) -> str:
        record, folder = quote(record_of(self.path)), quote(dirname(self.path))
        return f"p={quote(self.path)} t={quote(self._part)} r={record} d={folder} want={self.digest}\n{FUNCTIONS}"

    def _seal(self) -> str:
        """Return sh that sets owner and mode of the file, and remembers that it was verified."""
        return f"""\
chown {quote(self.owner)} "$p" && chmod {self.mode} "$p" || exit 1
printf '%s %s\\n' "$want" "$({STAT} "$p")" > "$r.new" && mv -f "$r.new" "$r\""""

    def _prepare(self) -> str:
        """Give sh that seals the file if it is right already, else says what part of it is there, and how much room."""
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
        """Read what ``_prepare`` says: size and hash of the part, free bytes; None where nothing is left to do."""
        said = _done(answer, "preparing")
        if said.strip() == "whole":
            return None
        try:
            (word, size, digest), room = said.split("\n")[0].split(" "), said.split("\n")[1].split()
            if word == "part":
                return int(size), digest, int(room[-3]) * 1024
        except (ValueError, IndexError):
            pass
        raise HostError(f"the host described the upload as {said[:200]!r}", ErrorKind.ANSWER)

    def _usable(self, partial: tuple[int, str, int], size: int) -> int:
        """Return how much of the part can be kept; raises HostError where the rest does not fit."""
        held, digest, room = partial
        offset = held if held <= size and hash_of(self.source, held) == digest else 0
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
            _done(shell.stream(self._receive(offset, size), source, bound_s, meter), "uploading")

    def _receive(self, offset: int, size: int) -> str:
        """Return sh that puts its input behind the first ``offset`` bytes of the part, and the whole in place.

        What is written is hashed on its way, so that nothing is read again. A part that is too short is kept: the
        connection was lost, or the disk is full, which tee has said.
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


def _done(answer: ScriptResult, doing: str) -> str:
    if answer.code:
        said = answer.stderr.decode("utf-8", "replace").strip()[-2000:]
        raise HostError(f"{doing} failed (exit {answer.code}): {said or 'it printed nothing'}", ErrorKind.COMMAND)
    return answer.stdout.decode("utf-8", "replace")


def hash_of(path: Path, length: int | None = None) -> str:
    """Hash a file of the controller, or its first ``length`` bytes; remembered while it stays as it is."""
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
