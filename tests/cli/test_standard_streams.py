"""A caller, such as a service manager, may close the standard streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from moor.settings.modules import SHIPPED


@pytest.mark.parametrize(
    ("words", "closed", "code", "said"),
    [
        ("init site", "<&-", 1, "--registry NAME"),  # as without a terminal: it asks nothing
        ("completion bash", ">&-", 0, ""),
        ("show", "2>&-", 1, ""),
        ("completion bash", ">/dev/full", 1, "standard output: No space left on device"),
    ],
)
def test_streams_that_are_closed_are_no_internal_error(
    tmp_path: Path, words: str, closed: str, code: int, said: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$1" -m moor {words} {closed}', "sh", sys.executable],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SHIPPED)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code
    assert said in done.stderr
    assert "internal error" not in done.stderr
