"""Streams of bytes in bounded memory: packed, hashed, and passed between a host's connection and a thread."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Protocol, TypeVar, cast

from moor.connections.ssh.shell import Shell
from moor.errors import ErrorKind, HostError, MoorError, controller_error_text
from moor.script_result import ScriptResult

CHUNK = 256 * 1024
GZIP = 16 + zlib.MAX_WBITS  # the format that gunzip reads
FASTEST = 1
TAKEN = "the host's output could not be taken"

Found = TypeVar("Found")


class Readable(Protocol):
    """What can be read to its end."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""


class Writable(Protocol):
    """What takes bytes."""

    def write(self, content: bytes, /) -> Any:
        """Take all of ``content``."""


class Gzipping:
    """A stream that reads another one and returns it packed.

    Attributes:
        tail: the last bytes of what was read.
        size: how much was read.
    """

    TAIL = 4096

    def __init__(self, source: Readable) -> None:
        self._source, self._packer = source, zlib.compressobj(FASTEST, zlib.DEFLATED, GZIP)
        self._ready, self._is_over = bytearray(), False
        self.tail, self.size = b"", 0

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` packed bytes, all for -1, none at the end."""
        while not self._is_over and (size < 0 or len(self._ready) < size):
            self._pack(self._source.read(CHUNK))
        end = len(self._ready) if size < 0 else size
        packed = bytes(self._ready[:end])
        del self._ready[:end]
        return packed

    def _pack(self, piece: bytes) -> None:
        self._ready += self._packer.compress(piece) if piece else self._packer.flush()
        self._is_over = not piece
        self.tail = (self.tail + piece)[-self.TAIL :]
        self.size += len(piece)


class Gunzipping:
    """A stream that unpacks what it gets and writes it to another one."""

    def __init__(self, target: Writable) -> None:
        self._target, self._unpacker = target, zlib.decompressobj(GZIP)

    def write(self, content: bytes, /) -> int:
        """Unpack ``content``."""
        self._target.write(self._unpacker.decompress(content))
        return len(content)

    def flush(self) -> None:
        """Do nothing: what is left is too little to unpack."""


class Hashing:
    """A stream that hashes what passes, read from one end or written to the other."""

    def __init__(self, source: Readable | None = None, target: Writable | None = None) -> None:
        self._source, self._target = source, target
        self._sum, self.size = hashlib.sha256(), 0

    @property
    def digest(self) -> str:
        """Return the SHA-256 of what has passed so far."""
        return self._sum.hexdigest()

    def read(self, size: int = -1, /) -> bytes:
        """Read from the source."""
        piece = self._source.read(size) if self._source else b""
        self._note(piece)
        return piece

    def write(self, content: bytes, /) -> int:
        """Write to the target, if there is one."""
        self._note(content)
        if self._target:
            self._target.write(content)
        return len(content)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def _note(self, piece: bytes) -> None:
        self._sum.update(piece)
        self.size += len(piece)


class ConsumerGoneError(MoorError):
    """Whoever takes a host's output has stopped; its own error says why."""


def receive(
    shell: Shell, command: str, source: BinaryIO, consume: Callable[[BinaryIO], Found], timeout_s: float
) -> tuple[ScriptResult, Found]:
    """Run a command on a host as root, while ``consume`` reads its output in a thread.

    Raises:
        HostError: the host or its connection failed, or the controller's disk did.
        MoorError: what ``consume`` raised.
    """
    receiving, sending = os.pipe()

    def pass_on(piece: bytes) -> None:
        view = memoryview(piece)
        try:
            while view:
                view = view[os.write(sending, view) :]
        except OSError as error:
            raise ConsumerGoneError("the output is no longer read") from error

    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(_take, receiving, consume)
        try:
            answer = shell.stream(command, source, timeout_s, None, pass_on)
        except ConsumerGoneError:
            os.close(sending)
            raise taking.exception() or HostError(TAKEN, ErrorKind.CONTROLLER) from None
        except BaseException:
            os.close(sending)
            taking.exception()
            raise
        os.close(sending)
        return answer, taking.result()


def _take(receiving: int, consume: Callable[[BinaryIO], Found]) -> Found:
    with os.fdopen(receiving, "rb", CHUNK) as output, plain_disk_errors():
        found = consume(output)
        while output.read(CHUNK):
            pass  # such as the padding after an archive's end
        return found


@contextmanager
def plain_disk_errors() -> Iterator[None]:
    """Turn an error of the controller's file system into one that says what to do."""
    try:
        yield
    except OSError as error:
        raise HostError(controller_error_text(error) or f"on this machine: {error}", ErrorKind.CONTROLLER) from error


@contextmanager
def produced(produce: Callable[[BinaryIO], None]) -> Iterator[BinaryIO]:
    """Yield a stream with what ``produce`` writes in a thread; at the end of the block, raise what it raised.

    The block must read the stream to its end before it relies on what it read.
    """
    receiving, sending = os.pipe()

    def write() -> None:
        with os.fdopen(sending, "wb", CHUNK) as target, plain_disk_errors():
            produce(target)

    with ThreadPoolExecutor(1) as pool, os.fdopen(receiving, "rb", CHUNK) as source:
        producing = pool.submit(write)
        try:
            yield source
        except BaseException:
            with suppress(OSError):
                source.close()
            producing.exception()
            raise
        if not producing.done():
            source.close()  # it was not read to its end
        producing.result()


def as_file(stream: object) -> BinaryIO:
    """Return a stream of this module for a library that wants a binary file."""
    return cast("BinaryIO", stream)
