"""Large files, which are uploaded once, continued after a lost connection, and verified on the host."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from posixpath import basename
from shlex import quote

from nornir.core.task import Task

from moor.connections.ssh.shell import Shell
from moor.errors import ConnectionLost, ErrorKind, HostError, InputError, MoorError
from moor.progress import TransferProgress
from moor.resources.base import State, Streamed
from moor.resources.file import owner_like
from moor.resources.hashed_file import HashedFile, hash_of_file, size_of_file
from moor.resources.upload_script import STAT, FileOnHost, Found, UploadScripts, hash_record_path
from moor.script_result import ScriptResult

PAUSES_S = (1, 5, 15)  # before each retry after a lost connection, so that an sshd or network can come up again
SLOWEST = 250_000  # bytes a second; a slower upload times out
SLOWEST_HASH = 20_000_000  # bytes a second


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

    def desired(self, actual: State | None) -> State:
        """Return the desired state, with a hash only where it is known or needed to compare; see ``Resource``."""
        wanted = {"owner": self.owner, "mode": self.mode.rjust(4, "0")}
        if self.sha256:
            if (actual is None or actual["sha256"] != self.sha256) and not self.source.is_file():
                raise InputError(f"{self.id}: {self.source} is to be uploaded, and is not there; download it first")
            return wanted | {"sha256": self.sha256}
        wanted["size"] = _bytes(size_of_file(self.source))
        if actual is None or actual["size"] != wanted["size"]:
            return wanted
        return wanted | {"sha256": hash_of_file(self.source)}

    def probe(self) -> str:
        return f"""\
p={quote(self.path)} r={quote(hash_record_path(self.path))}
if [ -d "$p" ]; then echo directory
elif [ -e "$p" ]; then
  stat -L -c '%U:%G %u:%g %a %s' "$p"
  [ ! -f "$r" ] || {{ now=$({STAT} "$p"); read -r sum then < "$r"; [ "$now" != "$then" ] || printf '%s\\n' "$sum"; }}
fi"""

    def actual(self, output: str) -> State | None:
        lines = output.splitlines()
        if not lines:
            return None
        if lines[0] == "directory":
            raise HostError(f"{self.id}: a directory is in its place; move it away")
        try:
            names, numbers, mode, size = lines[0].split(" ")
            owner, size = owner_like(self.owner, names, numbers), _bytes(int(size))
        except ValueError:
            words = f"{self.id}: cannot read the host's answer: {lines[0][:200]!r}"
            raise HostError(words, ErrorKind.ANSWER) from None
        digest = lines[1] if len(lines) > 1 else "(not verified since it was last touched)"
        return {"owner": owner, "mode": mode.rjust(4, "0"), "size": size, "sha256": digest}

    def write(self, task: Task, actual: State | None) -> None:
        shell: Shell = task.host.get_connection("shell", task.nornir.config)
        with HashedFile(self.source) as source:
            for pause_s in PAUSES_S:
                try:
                    return self._write(shell, task.host.name, source)
                except ConnectionLost:
                    time.sleep(pause_s)
            return self._write(shell, task.host.name, source)

    def _write(self, shell: Shell, host: str, source: HashedFile) -> None:
        """Send what is missing, and put it in place; the shell connects again if the connection was lost."""
        source.check_unchanged()
        scripts = UploadScripts(self.path, source.version.size, self.owner, self.mode)
        hashing_s = _hashing_s(scripts.size)
        found = self._found(_output_of(shell.run(scripts.look(), hashing_s), "preparing"))
        if found.file and self._is_wanted(found.file.digest):
            _output_of(shell.run(scripts.seal(found.file.state, found.file.digest, False)), "sealing")
            return
        offset = self._usable(found, source)
        part = self._upload(shell, host, scripts, source, offset)
        _output_of(shell.run(scripts.seal(part.state, part.digest, True)), "sealing")

    def _is_wanted(self, digest: str) -> bool:
        """Return whether a file of the size of ``source`` is the same."""
        return digest == (self.sha256 or hash_of_file(self.source))

    def _found(self, output: str) -> Found:
        try:
            return Found.parse(output)
        except ValueError:
            words = f"{self.id}: cannot read the host's answer: {output[:200]!r}"
            raise HostError(words, ErrorKind.ANSWER) from None

    def _usable(self, found: Found, source: HashedFile) -> int:
        """Return how many bytes of the part can be kept, and read the source up to there.

        Raises:
            HostError: there is no space for the rest.
        """
        size, held = source.version.size, found.part.size if found.part else 0
        source.read_from_start()
        offset = held if found.part and held <= size and source.skip(held) == found.part.digest else 0
        if not offset:
            source.read_from_start()
        if found.free is not None and size - offset > found.free + (held - offset):
            needed, free = (size - offset) // 10**6, found.free // 10**6
            raise HostError(
                f"{needed} MB are to be uploaded and {free} MB are free there; make room in {self.path!r}",
                ErrorKind.SPACE,
            )
        return offset

    def _upload(self, shell: Shell, host: str, scripts: UploadScripts, source: HashedFile, offset: int) -> FileOnHost:
        """Send the rest of the source, and return the complete part; raises what shows that it is not what was sent."""
        meter = TransferProgress(f"{host}: uploading {basename(self.path)}", scripts.size, offset)
        bound_s = 300 + (scripts.size - offset) / SLOWEST + _hashing_s(scripts.size)
        answer = shell.stream(scripts.receive(offset), source, bound_s, meter)
        if answer.code:
            source.check_unchanged()  # where it was cut, that is the cause of what the host printed
        output = _output_of(answer, "uploading")
        try:
            part, digest = self._found(output).part, source.finish()
            if part is None or part.digest != digest:
                raise HostError("what arrived is not what was sent; run again", ErrorKind.ANSWER)
            if self.sha256 and digest != self.sha256:
                raise InputError(
                    f"{self.source}: not the file that sha256 names, {self.sha256}; was the download cut? download it "
                    "again, or correct sha256 in the inventory"
                )
        except MoorError:
            with suppress(HostError):
                shell.run(scripts.discard())
            raise
        return part


def _bytes(size: int) -> str:
    return f"{size} bytes"


def _hashing_s(size: int) -> float:
    """Return how long a host may take to read ``size`` bytes twice, and to sync them."""
    return 120 + 2 * size / SLOWEST_HASH


def _output_of(answer: ScriptResult, doing: str) -> str:
    if answer.code:
        printed = answer.stderr.decode("utf-8", "replace").strip()[-2000:]
        raise HostError(f"{doing} failed (exit {answer.code}): {printed or 'it printed nothing'}", ErrorKind.COMMAND)
    return answer.stdout.decode("utf-8", "replace")
