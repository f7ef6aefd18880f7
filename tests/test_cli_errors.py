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
from tests.harness.commands import ended_here, moor_here
from tests.harness.sites import write_site


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


@pytest.fixture
def site(tmp_path: Path) -> Path:
    hosts = {"node1": {"hostname": "127.0.0.1"}}
    return write_site(tmp_path / "site", {"inventory/hosts.yaml": hosts, "inventory/groups.yaml": {"nodes": {}}})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("hold nod1 --until 3d --reason x", "moor: hold: no host or group is called nod1; did you mean node1?"),
        ("release nod1", "moor: release: no host or group is called nod1; did you mean node1?"),
        ("release file:/a --limit nod1", "moor: --limit: no host or group is called nod1; did you mean node1?"),
        ("offboard", "moor: Missing argument 'NODE'. (moor offboard --help says what is understood)"),
        ("completion tcsh", "'tcsh' is not one of 'bash', 'zsh', 'fish'. (moor completion --help says what"),
    ],
)
def test_a_wrong_word_is_told_of_what_was_typed(site: Path, words: str, said: str) -> None:
    done = ended_here(words.split() if words.startswith("comp") else [*words.split(), "--site", str(site)])
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_completion_without_a_shell_is_its_help() -> None:
    done = ended_here(["completion"])
    assert (done.returncode, done.stdout) == (1, "")
    assert "moor completion fish > ~/.config/fish/completions/moor.fish" in done.stderr


@pytest.mark.parametrize("name", ["hosts", "groups", "defaults"])
def test_a_directory_in_place_of_an_inventory_file_is_told_as_one(site: Path, name: str) -> None:
    path = site / f"inventory/{name}.yaml"
    path.unlink(missing_ok=True)
    path.mkdir()
    done = moor_here(site, "plan")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{path} is a directory; write what its files have into one file" in done.stderr


def test_an_empty_key_of_plans_is_told_with_both_remedies(site: Path) -> None:
    write_site(site, {}, {".moor/plan.key": ""})
    done = moor_here(site, "plan", "--out", str(site / "plan.json"))
    assert done.returncode == 1
    assert f"{site}/.moor/plan.key: the file is empty, and moor wrote a secret into it once; put it back" in done.stderr
    assert "or delete it, and moor makes another" in done.stderr
