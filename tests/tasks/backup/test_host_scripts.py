"""The registry's files leave a host and come back the same, in every shell, and nothing half comes to its place."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from moor.connections.local import LocalShell
from moor.progress import TransferProgress
from moor.tasks.backup import host_scripts as scripts
from moor.tasks.backup.installation import Installation
from moor.tasks.backup.manifests import PREFIX
from moor.tasks.backup.parts import BlobKeeper
from moor.tasks.backup.store import Blobs, Store, parse_blobs
from moor.tasks.backup.streams import receive
from tests.harness.shells import SHELLS
from tests.tasks.backup.keys import new_key

CONTENTS = [b"layer", b"", bytes(100_000)]


@pytest.fixture(params=list(SHELLS.values()), ids=list(SHELLS))
def shell(request: pytest.FixtureRequest) -> LocalShell:
    return LocalShell(tuple(request.param))


def harbor_in(folder: Path) -> Installation:
    (folder / "registry").mkdir(parents=True, exist_ok=True)
    return Installation(str(folder / "opt"), "v2.8.3", {"data_volume": str(folder)})


def write_registry(harbor: Installation) -> Blobs:
    """Write blobs and a repository as the registry does."""
    blobs: Blobs = {}
    for content in CONTENTS:
        digest = hashlib.sha256(content).hexdigest()
        path = Path(harbor.images) / "blobs" / scripts.blob_path(digest)
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        blobs[digest] = len(content)
    repository = Path(harbor.images) / "repositories/demo/my app"
    for name in (f"_manifests/revisions/sha256/{digest}/link", "_uploads/1/data", "_layers/x/link"):
        (repository / name).parent.mkdir(parents=True)
        (repository / name).write_text(f"{PREFIX}{digest}")
    return blobs


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def output(shell: LocalShell, command: str, stdin: bytes = b"", code: int = 0) -> bytes:
    answer = shell.stream(command, io.BytesIO(stdin), 30)
    assert answer.code == code, answer.stderr
    return answer.stdout


def test_the_registrys_files_come_back_as_they_were(shell: LocalShell, tmp_path: Path) -> None:
    old, new = harbor_in(tmp_path / "it's old"), harbor_in(tmp_path / "new $HOME")
    blobs = write_registry(old)
    assert parse_blobs(output(shell, scripts.list_blobs(old)).decode()) == blobs
    paths = "".join(f"{scripts.blob_path(digest)}\n" for digest in blobs).encode()
    output(shell, scripts.take_blobs(new), output(shell, scripts.send_blobs(old), paths))
    assert parse_blobs(output(shell, scripts.list_blobs(new)).decode()) == {}  # they are not in their places yet
    output(shell, scripts.place_blobs(new))
    output(shell, scripts.take_links(new), output(shell, scripts.send_links(old)))
    before = files_below(Path(old.images))
    assert files_below(Path(new.images)) == {n: c for n, c in before.items() if "_uploads" not in n}
    assert [path.name for path in Path(new.images).iterdir() if path.name == scripts.STAGE] == []


def test_a_registry_without_anything_is_no_error(shell: LocalShell, tmp_path: Path) -> None:
    harbor = harbor_in(tmp_path)
    assert output(shell, scripts.list_blobs(harbor)) == b""
    for command in (scripts.send_links(harbor), scripts.send_configuration(harbor), scripts.send_job_logs(harbor)):
        with tarfile.open(fileobj=io.BytesIO(output(shell, command))) as archive:
            assert [name for name in archive.getnames() if not name.startswith("etc/moor")] == []


def test_configuration_and_keys_are_sent_with_their_modes_and_taken_beside(shell: LocalShell, tmp_path: Path) -> None:
    harbor = harbor_in(tmp_path / "a b")
    for name in ("opt/harbor.yml", "opt/common/config/core/env", "secret/keys/secretkey", "job_logs/x.log"):
        (tmp_path / "a b" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a b" / name).write_text(name)
    (tmp_path / "a b/secret/keys/secretkey").chmod(0o600)
    output(shell, scripts.take_beside(harbor), output(shell, scripts.send_configuration(harbor)))
    beside = tmp_path / "a b" / scripts.BESIDE
    assert beside.stat().st_mode & 0o777 == 0o700
    found = files_below(beside / str(tmp_path / "a b").lstrip("/"))
    assert found == {"opt/harbor.yml": b"opt/harbor.yml", "secret/keys/secretkey": b"secret/keys/secretkey"}
    kept = beside / str(tmp_path / "a b").lstrip("/") / "secret/keys/secretkey"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_an_archive_that_was_cut_puts_nothing_in_place(shell: LocalShell, tmp_path: Path) -> None:
    old, new = harbor_in(tmp_path / "old"), harbor_in(tmp_path / "new")
    blobs = write_registry(old)
    paths = "".join(f"{scripts.blob_path(digest)}\n" for digest in blobs).encode()
    archive = output(shell, scripts.send_blobs(old), paths)
    assert shell.stream(scripts.take_blobs(new), io.BytesIO(archive[:50_000]), 30).code != 0
    assert output(shell, scripts.list_blobs(new)) == b""


def test_blobs_are_kept_as_they_arrive_and_a_damaged_or_vanished_one_is_not(shell: LocalShell, tmp_path: Path) -> None:
    harbor, store, key = harbor_in(tmp_path / "data"), Store(tmp_path / "backups"), new_key()
    blobs = write_registry(harbor)
    damaged, gone = sorted(blobs)[:2]
    (Path(harbor.images) / "blobs" / scripts.blob_path(damaged)).write_bytes(b"rotten")
    (Path(harbor.images) / "blobs" / scripts.blob_path(gone)).unlink()
    keeper = BlobKeeper(store, key, TransferProgress("x", 1))
    paths = "".join(f"{scripts.blob_path(digest)}\n" for digest in blobs).encode()
    answer, _ = receive(shell, scripts.send_blobs(harbor), io.BytesIO(paths), keeper.take, 30)
    assert (answer.code, b"No such file" in answer.stderr) == (2, True)
    assert keeper.damaged == {damaged}
    assert set(store.lacks(key.id, blobs)) == {damaged, gone}
    (left,) = set(blobs) - {damaged, gone}
    assert hashlib.sha256(keeper.read(left)).hexdigest() == left
    assert not list((tmp_path / "backups").rglob("*.part"))


def test_free_space_is_read_at_a_directory_that_is_not_there_yet(shell: LocalShell, tmp_path: Path) -> None:
    assert int(output(shell, scripts.free_bytes(f"{tmp_path}/not/there"))) > 1000
