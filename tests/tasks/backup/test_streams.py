"""What passes between a host and the files of a backup arrives whole, or not at all."""

from __future__ import annotations

import gzip
import hashlib
import io
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moor.connections.local import LocalShell
from moor.errors import HostError, InputError
from moor.tasks.backup.streams import Gunzipping, Gzipping, Hashing, produced, receive


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_what_is_packed_piece_by_piece_is_unpacked_the_same(content: bytes, size: int) -> None:
    packing, packed = Gzipping(io.BytesIO(content)), bytearray()
    while piece := packing.read(size):
        packed += piece
    assert gzip.decompress(bytes(packed)) == content  # as an operator's gunzip does
    unpacked = io.BytesIO()
    unpacking = Gunzipping(unpacked)
    for start in range(0, len(packed), size):
        unpacking.write(bytes(packed[start : start + size]))
    assert (unpacked.getvalue(), packing.size, packing.tail) == (content, len(content), content[-Gzipping.TAIL :])


def test_output_of_a_host_is_read_while_it_arrives_to_its_end() -> None:
    def consume(output: BinaryIO) -> tuple[bytes, str]:
        first, hashed = output.readline(), Hashing(output)
        while hashed.read(1000):
            pass
        return first, hashed.digest

    answer, found = receive(LocalShell(), "echo first; cat; exit 3", io.BytesIO(bytes(3_000_000)), consume, 30)
    assert (answer.code, found) == (3, (b"first\n", hashlib.sha256(bytes(3_000_000)).hexdigest()))


def test_who_reads_less_than_the_host_sends_gets_what_was_read() -> None:
    _, first = receive(LocalShell(), "yes | head -c 3000000", io.BytesIO(), lambda output: output.read(4), 30)
    assert first == b"y\ny\n"


@pytest.mark.parametrize(
    ("error", "raised", "words"),
    [
        (InputError("no room"), InputError, "no room"),
        (
            OSError(28, "No space left on device", "/srv/x"),
            HostError,
            "/srv/x: No space left on device; make room on this",
        ),
    ],
)
def test_an_error_of_who_takes_the_output_is_what_is_told(
    error: Exception, raised: type[Exception], words: str
) -> None:
    def consume(output: BinaryIO) -> None:
        output.read(10)
        raise error

    with pytest.raises(raised, match=words):
        receive(LocalShell(), "yes | head -c 3000000", io.BytesIO(), consume, 30)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.binary(max_size=90_000), max_size=6))
def test_what_a_thread_writes_is_read_the_same(pieces: list[bytes]) -> None:
    def produce(target: BinaryIO) -> None:
        for piece in pieces:
            target.write(piece)

    with produced(produce) as source:
        assert source.read() == b"".join(pieces)


def test_an_error_of_who_writes_is_raised_where_it_is_read(tmp_path: Path) -> None:
    def produce(target: BinaryIO) -> None:
        target.write(b"half")
        raise HostError("damaged")

    with pytest.raises(HostError, match="damaged"), produced(produce) as source:
        assert source.read() == b"half"


def test_an_error_of_who_reads_is_the_one_that_is_told() -> None:
    with pytest.raises(InputError, match="the host refused"):
        refuse_half(produced(writes))


def refuse_half(stream: AbstractContextManager[BinaryIO]) -> None:
    with stream as source:
        source.read(5)
        raise InputError("the host refused")


def writes(target: BinaryIO) -> None:
    for _ in range(100):
        target.write(bytes(100_000))
