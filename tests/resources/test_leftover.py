"""What moor wrote is removed by its mark; what others wrote at the same places stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from moor.engine.script import apply_script, new_mark, probe_script, require_all, split_answers
from moor.resources.base import State
from moor.resources.leftover import Leftover
from tests.harness.shells import SHELLS, sh

pytestmark = pytest.mark.parametrize("shell", SHELLS)
MARK = "# Written by moor. It's"


def read(shell: str, resource: Leftover) -> State | None:
    mark = new_mark()
    done = sh(shell, probe_script([resource.probe()], mark))
    (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
    assert (piece.code, piece.stderr) == (0, "")
    return resource.actual(piece.stdout)


def mend(shell: str, resource: Leftover) -> None:
    mark = new_mark()
    done = sh(shell, apply_script([resource.mend(read(shell, resource))], mark, "run"))
    (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
    assert (piece.code, piece.stderr) == (0, "")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_only_files_with_the_mark_are_removed_and_their_content_is_kept(
    shell: str, tmp_path: Path, host_folder: Path
) -> None:
    folder = tmp_path / "odd $(name) é"
    ours = write(folder / "quay.io/hosts.toml", f"{MARK}\nserver = 1\n")
    beside = write(folder / "quay.io/ca.crt", "PEM")
    kept = [
        write(folder / "listed/hosts.toml", f"{MARK}\n"),
        write(folder / "theirs/hosts.toml", f"server = 1\n{MARK}\n"),
        write(folder / "empty/hosts.toml", ""),
        write(folder / "theirs/ca.crt", "PEM"),
    ]
    left = Leftover(f"{folder}/*/hosts.toml", MARK, kept=(f"{folder}/listed",), beside=("ca.crt",))
    assert read(shell, left) == {"written by moor": str(ours)}
    mend(shell, left)
    assert read(shell, left) is None
    assert not ours.exists()
    assert not beside.exists()
    assert not ours.parent.exists()
    assert all(path.exists() for path in kept)
    (former,) = host_folder.glob(f"runs/run/files{ours}")
    assert former.read_text().startswith(MARK)


def test_what_is_beside_goes_first_so_that_a_run_that_was_cut_off_is_gone_on_with(shell: str, tmp_path: Path) -> None:
    ours = write(tmp_path / "a/hosts.toml", MARK)
    left = Leftover(f"{tmp_path}/*/hosts.toml", MARK, beside=("ca.crt",))
    assert read(shell, left) is not None  # ca.crt went in the run before
    mend(shell, left)
    assert not ours.parent.exists()


def test_a_file_has_to_hold_a_word_too(shell: str, tmp_path: Path) -> None:
    other = write(tmp_path / "made", "# made\nhttps://other/v2/x\n")
    ours = write(tmp_path / "made-ours", '# made\n"https://r/v2/x"\n')
    left = Leftover(f"{tmp_path}/made*", "# made", '"https://r/v2/')
    mend(shell, left)
    assert other.exists()
    assert not ours.exists()
