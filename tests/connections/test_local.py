"""The local shell behaves like the one over SSH."""

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moor.connections.local import LocalShell
from moor.errors import HostError
from moor.resources.base import literal
from moor.script_result import ScriptResult
from tests.harness.shells import SHELLS

pytestmark = pytest.mark.parametrize("argv", [tuple(argv) for argv in SHELLS.values()], ids=list(SHELLS))


def test_a_script_returns_both_outputs_and_its_status(argv: tuple[str, ...]) -> None:
    assert LocalShell(argv).run("echo out; echo told >&2; exit 3") == ScriptResult(b"out\n", b"told\n", 3)


@settings(max_examples=15, deadline=None)
@given(raw=st.binary(max_size=3000))
def test_any_bytes_pass_both_ways(argv: tuple[str, ...], raw: bytes) -> None:
    shell = LocalShell(argv)
    assert shell.run(literal(raw.decode("utf-8", "surrogateescape"))).stdout == raw
    assert shell.stream("cat", io.BytesIO(raw), 10).stdout == raw


def test_megabytes_pass_and_progress_is_reported(argv: tuple[str, ...]) -> None:
    raw, told = bytes(range(256)) * 20_000, list[int]()
    answer = LocalShell(argv).stream("tee /dev/stderr", io.BytesIO(raw), 30, told.append)
    assert (answer.stdout, answer.stderr, told[-1]) == (raw, raw, len(raw))


def test_output_of_any_length_goes_to_a_sink(argv: tuple[str, ...]) -> None:
    raw, got = bytes(range(256)) * 20_000, bytearray()
    answer = LocalShell(argv, limit_bytes=1000).stream(
        "cat; echo told >&2; exit 3", io.BytesIO(raw), 30, None, got.extend
    )
    assert (answer, bytes(got)) == (ScriptResult(b"", b"told\n", 3), raw)


def test_a_script_that_does_not_end_is_stopped(argv: tuple[str, ...]) -> None:
    began = time.monotonic()
    with pytest.raises(HostError, match="no end within"):
        LocalShell(argv).run("sleep 30 | cat", 0.3)
    assert time.monotonic() - began < 5


def test_output_is_bounded(argv: tuple[str, ...]) -> None:
    with pytest.raises(HostError, match="more than 1000 bytes"):
        LocalShell(argv, limit_bytes=1000).run("yes | head -c 2000")
