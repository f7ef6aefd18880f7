"""What the command line says when something goes wrong, with and without -v."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from moor import cli
from moor.errors import HostError
from moor.secrets.secret import Secret
from moor.settings.modules import SHIPPED


@pytest.mark.parametrize("error", [HostError, ValueError])
def test_a_traceback_by_v_shows_no_secret(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = Secret("Pa55word-of-the-robot")

    def fail(_: object) -> int:
        raise error(f"the host said {secret.reveal()}")

    monkeypatch.setattr(cli, "_run", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main(["plan", "-v"])
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "Traceback (most recent call last)" in said
    assert "the host said ***" in said
    assert secret.reveal() not in said


@pytest.mark.parametrize("words", [[], ["check"]])
def test_a_working_directory_that_was_deleted_is_named(words: list[str], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    argv = f'cd "$1" && rmdir "$1" && exec "$2" -m moor {" ".join(words)}'
    done = subprocess.run(
        ["sh", "-c", argv, "sh", str(gone), sys.executable],
        env={**os.environ, "PYTHONPATH": str(SHIPPED)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("moor: the working directory is gone; cd to one that is there")
