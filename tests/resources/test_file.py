"""Files, directories and absent paths, probed and mended in real shells, with any name and content."""

import os
import re
from pathlib import Path
from shlex import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moor.engine import shell_functions
from moor.engine.plan import plan
from moor.engine.script import apply_script, new_mark, probe_script, require_all, split_answers
from moor.errors import HostError
from moor.resources.base import Probed, Scripted, State
from moor.resources.edit import Edit
from moor.resources.file import Absent, Directory, File
from moor.secrets.secret import Secret
from tests.harness.shells import SHELLS, me, sh, text

ODD = "a 'quoted' $(name) \"with\" \\ and\nnewline é *"
NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)


pytestmark = pytest.mark.parametrize("shell", SHELLS)


def read(shell: str, resource: Probed) -> State | None:
    mark = new_mark()
    done = sh(shell, probe_script([resource.probe()], mark))
    (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
    assert (piece.code, piece.stderr) == (0, "")
    return resource.actual(piece.stdout)


def mend(shell: str, folder: Path, resource: Scripted) -> tuple[int, str]:
    mark = new_mark()
    script = apply_script([resource.mend(read(shell, resource))], mark, "run")
    done = sh(shell, script)
    (piece,) = require_all(split_answers(done.stdout, done.stderr, mark), 1, done.stderr)
    return piece.code, piece.stderr


def planned(shell: str, resource: Probed) -> list[str]:
    return [change.diff for change in plan([resource], {resource.id: read(shell, resource)})]


def test_a_missing_file_is_planned_then_written_then_in_its_desired_state(shell: str, tmp_path: Path) -> None:
    file = File(f"{tmp_path}/{ODD}", "hello\n", "0640", me(tmp_path))
    assert planned(shell, file)
    assert mend(shell, tmp_path, file) == (0, "")
    assert (tmp_path / ODD).read_text() == "hello\n"
    assert oct((tmp_path / ODD).stat().st_mode & 0o7777) == "0o640"
    assert planned(shell, file) == []


def test_a_wrong_file_is_replaced_and_its_former_content_kept(shell: str, tmp_path: Path, host_folder: Path) -> None:
    path = tmp_path / "config"
    path.write_text("old\n")
    file = File(str(path), "new\n", owner=me(tmp_path))
    assert "-old" in planned(shell, file)[0]
    assert mend(shell, tmp_path, file) == (0, "")
    assert path.read_text() == "new\n"
    assert Path(f"{host_folder}/runs/run/files{path}").read_text() == "old\n"
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".moor")] == []


@settings(max_examples=25, deadline=None)
@given(content=st.binary(max_size=2000), name=NAMES)
def test_any_content_under_any_name(
    shell: str, tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    file = File(f"{folder}/{name}", text(content), owner=me(folder))
    assert mend(shell, folder, file) == (0, "")
    assert (folder / name).read_bytes() == content
    assert planned(shell, file) == []


@settings(max_examples=25, deadline=None)
@given(mode=st.integers(0, 0o7777), uid=st.integers(0, 2**31), gid=st.integers(0, 2**31))
def test_any_mode_and_any_owner(
    shell: str, tmp_path_factory: pytest.TempPathFactory, mode: int, uid: int, gid: int
) -> None:
    folder = tmp_path_factory.mktemp("mode")
    owner = f"{uid}:{gid}" if os.geteuid() == 0 else me(folder)
    for resource in (File(f"{folder}/file", "x", f"{mode:o}", owner), Directory(f"{folder}/dir", f"{mode:o}", owner)):
        assert mend(shell, folder, resource) == (0, "")
        assert planned(shell, resource) == []
    found = (folder / "file").stat()
    assert found.st_mode & 0o7777 == mode
    assert f"{found.st_uid}:{found.st_gid}" == owner or os.geteuid() != 0


def test_a_secret_file_is_written_and_only_its_hash_is_read(shell: str, tmp_path: Path) -> None:
    secret = Secret("s3cret-value")
    file = File(f"{tmp_path}/key", secret, "0600", me(tmp_path))
    assert mend(shell, tmp_path, file) == (0, "")
    assert (tmp_path / "key").read_text() == "s3cret-value"
    state = read(shell, file)
    assert state is not None
    assert "s3cret-value" not in str(dict(state))
    assert planned(shell, file) == []


def test_a_large_file_in_its_place_is_not_read_to_the_controller(shell: str, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 50_000_000)
    state = read(shell, File(f"{tmp_path}/big", "small\n", owner=me(tmp_path)))
    assert state is not None
    assert str(state["content"]).startswith("(50000000 bytes, sha256 ")


def test_a_file_too_large_to_edit_is_an_error_and_is_not_read(shell: str, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 9_000_000)
    with pytest.raises(HostError, match="it has 9000000 bytes, more than a file to edit"):
        read(shell, Edit(f"{tmp_path}/big", "test", shouted))


def test_a_directory_in_the_place_of_a_file_is_one_clear_error(shell: str, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    with pytest.raises(HostError, match="directory is in its place"):
        read(shell, File(f"{tmp_path}/config", "x", owner=me(tmp_path)))


def test_content_that_its_own_check_refuses_is_never_put_in_place(shell: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("good\n")
    file = File(f"{tmp_path}/config", "bad\n", owner=me(tmp_path), validate='grep -q good "$t"')
    code, words = mend(shell, tmp_path, file)
    assert (code, words) == (1, "refused by its own check; the file is as it was\n")
    assert (tmp_path / "config").read_text() == "good\n"
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".moor")] == []


def test_a_full_disk_leaves_the_former_file_and_no_temporary(shell: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("former\n")
    fragment = f"ulimit -f 4\ntrap '' XFSZ\n{File(f'{tmp_path}/config', 'x' * 100_000, owner=me(tmp_path)).mend(None)}"
    done = sh(shell, apply_script([fragment], "moor-0", "run"))
    assert split_answers(done.stdout, done.stderr, "moor-0")[0].code == 1
    assert (tmp_path / "config").read_text() == "former\n"
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".moor")] == []


def test_a_directory_is_made_with_its_mode(shell: str, tmp_path: Path) -> None:
    directory = Directory(f"{tmp_path}/{ODD}/deep", "0700", me(tmp_path))
    assert mend(shell, tmp_path, directory) == (0, "")
    assert oct((tmp_path / ODD / "deep").stat().st_mode & 0o7777) == "0o700"
    assert planned(shell, directory) == []


def test_absent_removes_files_and_links_but_no_directory_with_files(shell: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert mend(shell, tmp_path, Absent(f"{tmp_path}/link")) == (0, "")
    assert not (tmp_path / "link").is_symlink()
    assert planned(shell, Absent(f"{tmp_path}/link")) == []
    assert mend(shell, tmp_path, Absent(f"{tmp_path}/full"))[0] != 0
    assert (tmp_path / "full" / "file").exists()


def shouted(content: str, facts: str) -> str:
    return content.upper() + ("" if content.upper().endswith(facts) else facts)


def test_an_edit_keeps_mode_and_links_and_is_right_the_second_time(shell: str, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("one\n")
    (tmp_path / "real").chmod(0o604)
    (tmp_path / "link").symlink_to("real")
    edit = Edit(f"{tmp_path}/link", "test", shouted, asks="echo TWO")
    assert mend(shell, tmp_path, edit) == (0, "")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "ONE\nTWO"
    assert oct((tmp_path / "real").stat().st_mode & 0o7777) == "0o604"
    assert planned(shell, edit) == []


def test_an_edit_of_a_file_that_changed_in_between_is_refused(shell: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one\n")
    edit = Edit(f"{tmp_path}/file", "test", shouted)
    fragment = edit.mend(read(shell, edit))
    (tmp_path / "file").write_text("somebody else's\n")
    done = sh(shell, apply_script([fragment], "moor-0", "run"))
    (piece,) = split_answers(done.stdout, done.stderr, "moor-0")
    assert (piece.code, piece.stderr) == (1, "it changed after it was read; run again\n")
    assert (tmp_path / "file").read_text() == "somebody else's\n"


@settings(max_examples=25, deadline=None)
@given(
    content=st.binary(max_size=500), facts=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=50)
)
def test_an_edit_gets_content_and_facts_byte_for_byte(
    shell: str, tmp_path_factory: pytest.TempPathFactory, content: bytes, facts: str
) -> None:
    path = tmp_path_factory.mktemp("edit") / "file"
    path.write_bytes(content)
    state = read(shell, Edit(str(path), "test", shouted, asks=f"printf %s {quote(facts)}"))
    assert state is not None
    assert (state["content"], str(state["facts"]).rstrip("\n")) == (text(content), facts.rstrip("\n"))


def test_a_second_run_reports_which_run_holds_the_lock(
    shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_functions, "WAIT_S", 1)
    script = apply_script(["sleep 3"], "moor-0", "first")
    second = script.replace("moor_run=first", "moor_run=second")
    done = sh(shell, f"({script}) & sleep 0.3; {second}")
    assert done.returncode == 75
    assert re.search(
        rb"another run holds the lock of this host: first of \S+@\S+, since 2\S+ \S+ \S+, pid \d+\n", done.stderr
    )
