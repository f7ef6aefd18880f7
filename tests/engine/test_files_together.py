"""Files that are read together give the states that each alone gives, in every shell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from moor.engine.probing import ProbeRound
from moor.errors import HostError
from moor.resources.base import Probed, State
from moor.resources.file import Directory, File
from moor.script_result import ScriptResult
from tests.harness.shells import SHELLS, sh

NAMES = ["plain", "-n", "two  words", "*", "back\\slash", "new\nline", "é", "'quoted' $(name)", "\\", "last "]
KINDS = ["right", "wrong", "missing", "directory", "link", "dangling", "empty"]


def read(shell: str, resources: Sequence[Probed], before: str = "") -> dict[str, State | None]:
    reading = ProbeRound(resources)
    done = sh(shell, before + reading.script)
    assert done.stderr == b""
    return reading.states(ScriptResult(done.stdout, done.stderr, done.returncode))


def make(path: Path, kind: str, content: str) -> None:
    path.unlink(missing_ok=True) if not path.is_dir() or path.is_symlink() else path.rmdir()
    if kind in ("right", "wrong", "empty"):
        path.write_text({"right": content, "wrong": f"{content} no more", "empty": ""}[kind])
        path.chmod(0o640 if kind == "wrong" else 0o644)
    elif kind == "directory":
        path.mkdir()
    elif kind in ("link", "dangling"):
        path.symlink_to(path.parent / ("other" if kind == "link" else "nothing"))


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(KINDS), min_size=2, max_size=8))
@example(kinds={name: "right" for name in NAMES if name != "new\nline"})
@example(kinds=dict.fromkeys(NAMES, "wrong"))
def test_files_read_together_are_as_each_alone(shell: str, tmp_path: Path, kinds: dict[str, str]) -> None:
    (tmp_path / "other").write_text("of another")
    files: list[Probed] = []
    for number, (name, kind) in enumerate(kinds.items()):
        make(tmp_path / name, kind, f"content {number}")
        files.append(File(f"{tmp_path}/{name}", f"content {number}"))
    files = [file for file in files if kinds[file.id.rpartition("/")[2]] != "directory"] + [Directory(str(tmp_path))]
    alone = {one.id: read(shell, [one])[one.id] for one in files}
    assert read(shell, files) == alone


@pytest.mark.parametrize("shell", SHELLS)
def test_all_files_are_hashed_by_one_process(shell: str, tmp_path: Path) -> None:
    for name in NAMES[:5]:
        (tmp_path / name).write_text(name)
    files = [File(f"{tmp_path}/{name}", name) for name in (*NAMES[:5], "missing")]
    log = tmp_path / "log"
    noted = f'sha256sum() {{ echo called >> {quote(str(log))}; command sha256sum "$@"; }}\n'
    states = read(shell, files, noted)
    assert log.read_text() == "called\n"
    owner = f"{tmp_path.owner()}:{tmp_path.group()}"
    assert states[files[4].id] == {"owner": owner, "mode": "0644", "content": NAMES[4]}
    assert states[files[5].id] is None


@pytest.mark.parametrize("shell", SHELLS)
def test_a_directory_in_the_place_of_one_file_is_an_error(shell: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    (tmp_path / "dir").mkdir()
    files = [File(f"{tmp_path}/{name}", name) for name in ("one", "dir", "two")]
    with pytest.raises(HostError, match="a directory is in its place"):
        read(shell, files)
    (tmp_path / "dir").rmdir()
    assert read(shell, files)[files[2].id] == read(shell, files[2:])[files[2].id]
