"""What the command line says when something goes wrong, with and without -v."""

from __future__ import annotations

import pytest

from moor import cli
from moor.errors import HostError
from moor.secrets.secret import Secret


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
