"""Private files are written whole or not at all."""

import os
import re
import shutil
import stat
import threading
import time
from pathlib import Path

import pytest

from moor.secrets import private_files
from tests.harness.closed import closed_site
from tests.harness.commands import moor
from tests.harness.sites import write_site


def test_a_write_replaces_the_whole_content_and_leaves_nothing_beside(tmp_path: Path) -> None:
    private_files.write(tmp_path / "key", b"one")
    private_files.write(tmp_path / "key", b"two")
    assert (tmp_path / "key").read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["key"]


def test_a_directory_that_others_may_enter_is_closed(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir(mode=0o755)
    private_files.make_directory(tmp_path / "pki")
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700


def test_a_write_leaves_the_mode_of_a_directory_that_is_there(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    private_files.write(tmp_path / "key", b"one")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_write_that_fails_keeps_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    with pytest.raises(OSError, match="directory"):
        private_files.write(tmp_path / "key", b"one")
    assert os.listdir(tmp_path) == ["key"]


def test_of_many_who_write_at_once_one_wins_and_all_read_it(tmp_path: Path) -> None:
    won: list[bytes] = []

    def attempt(content: bytes) -> None:
        if private_files.write_new(tmp_path / "new" / "secret", content):
            won.append(content)

    threads = [threading.Thread(target=attempt, args=(bytes([65 + n]) * 1000,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [(tmp_path / "new" / "secret").read_bytes()]


def test_what_a_killed_run_left_is_swept_after_a_while(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".key.00000000", tmp_path / ".key.11111111"
    for part in (old, fresh):
        part.touch()
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    private_files.write(tmp_path / "key", b"one")
    assert sorted(os.listdir(tmp_path)) == [".key.11111111", "key"]


HOSTS = """\
harbor1:
  hostname: 127.0.0.1
  groups: [harbor]
  data:
    registry: {{name: registry.moor.test, address: 10.0.0.1}}
    pki: {{passphrase: "file:{passphrase}"}}
"""
FULL = "mount -t tmpfs -o size=16k tmpfs $S && { cat /dev/zero >$S/fill 2>/dev/null; :; }"
READ_ONLY = "mount --bind $S $S && mount -o remount,bind,ro $S"


def in_trouble(site: Path, fault: str) -> tuple[str, ...]:
    """Return what starts a command where the site's state is as ``fault`` leaves it, for that command alone."""
    return ("unshare", "--mount", "sh", "-c", f'S={site}/.moor; {fault} && exec "$@"', "sh")


@pytest.mark.parametrize(("fault", "remedy"), [(FULL, "make room on this machine"), (READ_ONLY, "mount it writable")])
def test_a_controller_that_cannot_write_its_state_names_the_resource_the_file_and_the_remedy(
    tmp_path: Path, fault: str, remedy: str
) -> None:
    hosts = HOSTS.format(passphrase=tmp_path / "passphrase")
    files = {"inventory/groups.yaml": "harbor: {}\n", "inventory/hosts.yaml": hosts}
    write_site(tmp_path, files, {"passphrase": "correct-horse\n"})
    (tmp_path / ".moor").mkdir()
    done = moor(tmp_path, "apply", "pki", "--yes", under=in_trouble(tmp_path, fault))
    assert done.returncode == 1
    assert re.search(rf"certificate-authority:registry.moor.test: {tmp_path}/.moor\S*: .*; {remedy}", done.stdout)
    assert re.search(rf"this run is not recorded: history {tmp_path}/.moor/history.db: .*; {remedy}", done.stderr)
    assert "internal error" not in done.stdout


KEPT_FULL = """\
cp -a $S $S.kept && mount -t tmpfs -o size=300k,mode=700 tmpfs $S && cp -a $S.kept/. $S &&
{ cat /dev/zero >$S/fill 2>/dev/null; :; }"""


@pytest.mark.parametrize(
    ("fault", "remedy"),
    [(KEPT_FULL, "make room on this machine"), (READ_ONLY, "mount it writable on this machine")],
    ids=["full", "read-only"],
)
def test_history_is_read_where_it_cannot_be_written(tmp_path: Path, fault: str, remedy: str) -> None:
    with closed_site(tmp_path):
        pass
    moor(tmp_path, "drift")
    whole = moor(tmp_path, "history")
    assert re.search(r"host:examined  \[.*\bnode1\b", whole.stdout)
    under = in_trouble(tmp_path, fault)
    read = moor(tmp_path, "history", under=under)
    assert (read.returncode, read.stdout, read.stderr) == (0, whole.stdout, "")
    shutil.rmtree(f"{tmp_path}/.moor.kept", ignore_errors=True)
    assert moor(tmp_path, "report", "--out", f"{tmp_path}/page.html", under=under).returncode == 0
    shutil.rmtree(f"{tmp_path}/.moor.kept", ignore_errors=True)
    written = moor(tmp_path, "drift", under=under)
    told = rf"moor: this run is not recorded: history {tmp_path}/.moor/history.db: .*; {remedy}\n"
    assert re.search(told, written.stderr)
