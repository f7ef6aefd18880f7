"""Harbor's installer is unpacked by real tars in real shells; a malicious one is refused and leaves no files."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from moor.engine.script import apply_script, require_all, split_answers
from moor.tasks.harbor.installer import MOST_BYTES, UnpackedInstaller
from tests.harness.shells import SHELLS, sh

pytestmark = pytest.mark.usefixtures("host_folder")

FILE, DIRECTORY, SYMLINK, LINK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
NO_FILE, LEADS_OUT, FOREIGN = "neither a file nor a directory|or a link", "leads out of it|not below", "another user"
TARS = {"GNU tar": "", "busybox tar": 'tar() { busybox tar "$@"; }\n'}


def member(name: str, kind: bytes = FILE, mode: int = 0o644, link: str = "", size: int = 0) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.mode, found.linkname, found.size = kind, mode, link, size
    return found


GOOD = [
    member("harbor/", DIRECTORY, 0o777),
    member("harbor/install.sh", mode=0o777, size=5),
    member("harbor/harbor.v2.8.3.tar.gz", size=4096),
]


def packed(path: Path, *members: tarfile.TarInfo) -> Path:
    """Write an installer; what a member says of its size is true."""
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as archive:
        for one in members:
            one.uid = one.gid = 4711  # nobody of this machine
            archive.addfile(one, io.BytesIO(b"evil\n" * one.size))
    return path


def unpack(place: Path, shell: str, tar: str) -> tuple[int, str]:
    """Unpack place/installer.tgz to place/opt/harbor as an apply does."""
    mend = UnpackedInstaller(str(place / "installer.tgz"), str(place / "opt" / "harbor")).mend(None)
    done = sh(shell, apply_script([TARS[tar] + mend], "moor-0", "run"))
    (piece,) = require_all(split_answers(done.stdout, done.stderr, "moor-0"), 1, done.stderr)
    return piece.code, piece.stderr


@pytest.mark.parametrize("tar", TARS)
@pytest.mark.parametrize("shell", SHELLS)
def test_an_installer_is_unpacked_for_root_alone_to_write(shell: str, tar: str, tmp_path: Path) -> None:
    packed(tmp_path / "installer.tgz", *GOOD)
    assert unpack(tmp_path, shell, tar) == (0, "")
    harbor = tmp_path / "opt" / "harbor"
    modes = {path.name: path.stat().st_mode & 0o7777 for path in [harbor, *harbor.iterdir()]}
    assert modes == {"harbor": 0o755, "install.sh": 0o755, "harbor.v2.8.3.tar.gz": 0o644, ".moor-unpacked": 0o644}
    assert {(path.stat().st_uid, path.stat().st_gid) for path in harbor.rglob("*")} == {(os.getuid(), os.getgid())}
    assert os.listdir(tmp_path / "opt") == ["harbor"]
    assert unpack(tmp_path, shell, tar) == (1, f"{harbor} exists and was not unpacked by moor; move it away\n")
    assert os.listdir(tmp_path / "opt") == ["harbor"]


EVIL: dict[str, tuple[Callable[[Path], list[tarfile.TarInfo]], str]] = {
    "a path out of it": (lambda out: [member("harbor/../../canary", size=5)], LEADS_OUT),
    "an absolute path": (lambda out: [member(f"{out}/canary", size=5)], "is not below harbor/"),
    "a neighbour": (lambda out: [member("harbor.moor/canary", size=5)], "is not below harbor/"),
    "a symlink, and a file through it": (
        lambda out: [member("harbor/x", SYMLINK, link=str(out)), member("harbor/x/canary", size=5)],
        NO_FILE,
    ),
    "a symlink up, and a file through it": (
        lambda out: [member("harbor/x", SYMLINK, link="../../.."), member("harbor/x/canary", size=5)],
        NO_FILE,
    ),
    "a hard link to a file of the host": (
        lambda out: [member("harbor/x", LINK, link=f"{out}/kept"), member("harbor/x", size=5)],
        NO_FILE,
    ),
    "a hard link within": (
        lambda out: [member("harbor/x", LINK, link="harbor/install.sh")],
        NO_FILE,
    ),
    "a device": (lambda out: [member("harbor/sda", tarfile.BLKTYPE)], NO_FILE),
    "a pipe": (lambda out: [member("harbor/pipe", tarfile.FIFOTYPE)], NO_FILE),
    "a program that runs as root": (lambda out: [member("harbor/su", mode=0o4755, size=5)], FOREIGN),
    "a directory that hands its group on": (
        lambda out: [member("harbor/d", DIRECTORY, mode=0o2755)], FOREIGN
    ),
    "a name with a newline": (lambda out: [member("harbor/a\nb", size=5)], "unusual|neither"),
    "a name with a command": (lambda out: [member(f"harbor/$(touch${{IFS}}{out}/canary)", size=5)], "unusual"),
    "a name that draws": (lambda out: [member("harbor/\x1b[2J", size=5)], "unusual"),
    "a thousand files": (lambda out: [member(f"harbor/{n}") for n in range(1001)], "more than 1000 files"),
    "no installer": (lambda out: [], "not an installer"),
}  # fmt: skip


@pytest.mark.parametrize("tar", TARS)
@pytest.mark.parametrize("what", EVIL)
def test_a_malicious_installer_is_refused_and_leaves_nothing_anywhere(what: str, tar: str, tmp_path: Path) -> None:
    members, words = EVIL[what]
    out = tmp_path / "out"
    out.mkdir()
    (out / "kept").write_text("kept")
    packed(tmp_path / "installer.tgz", *(GOOD if what != "no installer" else []), *members(out))
    code, said = unpack(tmp_path, "dash", tar)
    assert code == 1
    assert said.startswith("not an installer of Harbor: ")
    assert any(word in said for word in words.split("|")), said
    assert "\x1b" not in said
    assert os.listdir(tmp_path / "opt") == []
    assert [path.name for path in tmp_path.rglob("*canary*")] == []
    assert (out / "kept").read_text() == "kept"


@pytest.mark.parametrize("tar", TARS)
def test_an_installer_that_would_fill_the_disk_is_refused_before_it_does(tar: str, tmp_path: Path) -> None:
    bomb = member("harbor/zeros", size=2 * MOST_BYTES)
    raw = b"".join(one.tobuf(tarfile.GNU_FORMAT) for one in (GOOD[0], bomb))  # the zeros never come
    with tarfile.open(tmp_path / "installer.tgz", "w:gz") as archive:
        archive.fileobj.write(raw)
    code, said = unpack(tmp_path, "dash", tar)
    assert (code, os.listdir(tmp_path / "opt")) == (1, [])
    assert "it would unpack to" in said
