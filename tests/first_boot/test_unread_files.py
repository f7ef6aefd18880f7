"""Edits of files that nobody has read, made by real shells: as if moor had read them, or not at all."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from shlex import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moor.engine.shell_functions import script_head
from moor.errors import HostError
from moor.first_boot.unread_files import HASH, UnreadFiles, added_at_end, content_hash
from moor.formats.json_text import rewrite
from moor.resources.edit import Edit
from moor.tasks.names.block import with_block
from tests.harness.shells import SHELLS, sh

NAMES = {"registry.moor.test": (ip_address("10.77.0.11"),)}
SHIPPED = '{\n  "log-level": "warn"\n}\n'
WANTED = {"data-root": "/srv"}


def daemon_json(content: str, _: str) -> str:
    """Return a JSON file with ``WANTED`` in it."""
    try:
        return rewrite(content, lambda tree: {**tree, **WANTED})
    except ValueError as error:
        raise HostError(str(error)) from None


def run(shell: str, folder: Path, fragment: str) -> tuple[int, str]:
    """Run a fragment as the script of a first boot does."""
    head = script_head("0", "a test", str(folder / "runs"), str(folder / "lock"))
    done = sh(shell, f"{head}\n(\n{fragment}\n)\n")
    return done.returncode, done.stderr.decode()


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """Return each shell in turn."""
    return str(request.param)


@pytest.mark.parametrize("content", ["127.0.0.1 localhost\n", "127.0.0.1 localhost", "# mine\n\n", ""])
def test_a_block_is_added_to_any_file_and_only_once(shell: str, tmp_path: Path, content: str) -> None:
    path = tmp_path / "hosts"
    path.write_text(content)
    path.chmod(0o640)
    edit = Edit(str(path), "names", lambda text, _: with_block(text, NAMES))
    for _ in range(2):
        assert run(shell, tmp_path, UnreadFiles().edit(edit)) == (0, "")
        assert path.read_text() == with_block(content, NAMES)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_missing_file_that_stays_missing_is_not_made(shell: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.tmpl"
    edit = Edit(str(path), "names", lambda text, _: with_block(text, NAMES), missing_stays=True)
    assert run(shell, tmp_path, UnreadFiles().edit(edit)) == (0, "")
    assert not path.exists()


@pytest.mark.parametrize("before", [None, SHIPPED, f"\n{SHIPPED}", SHIPPED.removesuffix("\n")])
def test_a_file_that_a_package_brings_is_edited_as_if_it_had_been_read(
    shell: str, tmp_path: Path, before: str | None
) -> None:
    path = tmp_path / "daemon.json"
    if before is not None:
        path.write_text(before)
    edit = Edit(str(path), "settings", daemon_json, shipped=(SHIPPED,))
    for _ in range(2):
        assert run(shell, tmp_path, UnreadFiles().edit(edit)) == (0, "")
        assert path.read_text() == daemon_json(SHIPPED if before else "", "")


def test_a_file_of_somebody_else_stays_and_the_way_out_is_told(shell: str, tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    path.write_text('{"mtu": 1400}\n')
    edit = Edit(str(path), "settings", daemon_json, shipped=(SHIPPED,))
    code, told = run(shell, tmp_path, UnreadFiles().edit(edit))
    assert (code, path.read_text()) == (1, '{"mtu": 1400}\n')
    assert "run moor apply on this host, or name a host of the same image by --like" in told


def test_content_that_its_own_check_refuses_does_not_replace_the_file(shell: str, tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    edit = Edit(str(path), "settings", daemon_json, validate="echo no; exit 1")
    code, told = run(shell, tmp_path, UnreadFiles().edit(edit))
    assert (code, path.exists()) == (1, False)
    assert "refused by its own check" in told


def test_a_file_read_on_a_host_of_the_same_image_is_written_whole(shell: str, tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    path.write_text("{}\n")
    edit = Edit(str(path), "settings", daemon_json)
    there = {"content": '{"mtu": 1400}\n', "facts": "", "exists": "yes", "loads": "yes"}
    assert run(shell, tmp_path, UnreadFiles({edit.id: there}).edit(edit)) == (0, "")
    assert path.read_text() == daemon_json('{"mtu": 1400}\n', "")


def test_a_second_edit_of_a_file_goes_on_from_the_first(shell: str, tmp_path: Path) -> None:
    path, files = tmp_path / "daemon.json", UnreadFiles()
    first = Edit(str(path), "settings", daemon_json, shipped=(SHIPPED,))
    second = Edit(str(path), "more", lambda text, _: rewrite(text, lambda tree: {**tree, "mtu": 1400}))
    path.write_text(SHIPPED)
    for edit in (first, second):
        assert run(shell, tmp_path, files.edit(edit)) == (0, "")
    assert path.read_text() == second.edit(daemon_json(SHIPPED, ""), "")


def test_an_edit_that_changes_nothing_of_what_may_be_there_needs_no_step() -> None:
    assert UnreadFiles().edit(Edit("/etc/x", "nothing", lambda text, _: text)) == ""


@pytest.mark.parametrize("there", [True, False])
def test_what_an_edit_asks_its_host_is_asked_at_the_first_boot(shell: str, tmp_path: Path, there: bool) -> None:
    path, program = tmp_path / "file", tmp_path / "program"
    if there:
        program.touch()

    def whole(content: str, facts: str) -> str:
        return "ours\n" if facts else content

    def block(content: str, facts: str) -> str:
        return with_block(content, NAMES) if facts else content

    for edit in (whole, block):
        path.unlink(missing_ok=True)
        asking = Edit(str(path), "it", edit, asks=f"[ ! -e {program} ] || echo there")
        for _ in range(2):
            assert run(shell, tmp_path, UnreadFiles().edit(asking)) == (0, "")
            assert (path.read_text() if path.exists() else "") == edit("", "there" if there else "")


def test_an_answer_that_nobody_knew_of_changes_nothing_and_is_told(shell: str, tmp_path: Path) -> None:
    edit = Edit(str(tmp_path / "file"), "it", lambda text, facts: f"{facts}\n" if facts else text, asks="echo 1.2")
    code, told = run(shell, tmp_path, UnreadFiles().edit(edit))
    assert (code, (tmp_path / "file").exists()) == (1, False)
    assert "run moor apply on this host" in told


def test_only_an_edit_that_ignores_what_the_file_holds_is_one_of_its_end() -> None:
    assert added_at_end(Edit("/x", "y", lambda text, _: f"{text}z\n"), "") == "z\n"
    for edit in (daemon_json, lambda text, _: "z\n", lambda text, _: f"z\n{text}", lambda text, _: text):
        assert added_at_end(Edit("/x", "y", edit), "") == ""


@settings(max_examples=40)
@given(st.text(st.sampled_from("ab# \t\n\r\"'=[]")))
def test_a_files_hash_is_the_same_in_the_shell(content: str) -> None:
    script = f'LC_ALL=C; p=$(mktemp); printf %s {quote(content)} > "$p"\n{HASH}\nrm "$p"; echo $h'
    assert sh("dash", script).stdout.decode().strip() == content_hash(content)
