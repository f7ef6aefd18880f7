"""Wrong words of ``moor import`` are refused before a host is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.commands import moor_here


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a=10.0.0.1", "a=10.0.0.2"), "import: a=10.0.0.2: a is named twice; write each host once"),
        (("a=10.0.0.1", "--registry", "b d"), "import: --registry b d: not a host name; write NAME or NAME:PORT"),
        (("a=10.0.0.1", "--registry", "b:d"), "import: --registry b:d: not a port; write NAME or NAME:PORT"),
        (("a=10.0.0.1", "--address", "xx"), "import: --address xx: not an IP address"),
    ],
)
def test_wrong_words_are_refused_before_a_host_is_asked(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = moor_here(tmp_path, "import", *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert "reads" not in done.stderr
