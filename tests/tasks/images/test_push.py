"""Images: an archive's id, and the login that pushes them."""

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import InputError
from moor.tasks.images.archive import read_image_id
from moor.tasks.images.push import make_docker_config
from tests.harness.shells import SHELLS, sh


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def test_an_archives_id_is_the_hash_of_its_configuration(tmp_path: Path) -> None:
    config = b'{"os": "linux"}'
    manifest = json.dumps([{"Config": "blobs/sha256/abc", "RepoTags": ["x:1"], "Layers": []}]).encode()
    path = archive(tmp_path / "image.tar", {"manifest.json": manifest, "blobs/sha256/abc": config})
    assert read_image_id(path) == f"sha256:{hashlib.sha256(config).hexdigest()}"


@pytest.mark.parametrize(
    "members",
    [{}, {"manifest.json": b"[]"}, {"manifest.json": b"[{}, {}]"}, {"manifest.json": b"{"}, {"other": b"x"}],
)
def test_a_file_that_is_no_archive_of_one_image_is_refused_by_its_path(
    tmp_path: Path, members: dict[str, bytes]
) -> None:
    with pytest.raises(InputError, match=r"image\.tar"):
        read_image_id(archive(tmp_path / "image.tar", members))


json_of_any_kind = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["Config", "x"]), inner, max_size=2),
    max_leaves=4,
)


@given(json_of_any_kind | st.just([{"Config": "/etc/shadow"}]) | st.just([{"Config": "../../etc/shadow"}]))
def test_any_malformed_manifest_is_refused_with_a_clear_error(manifest: object) -> None:
    with TemporaryDirectory() as place, pytest.raises(InputError, match="not an archive of one image"):
        read_image_id(archive(Path(place) / "image.tar", {"manifest.json": json.dumps(manifest).encode()}))


def test_a_deeply_nested_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not an archive of one image"):
        read_image_id(archive(tmp_path / "image.tar", {"manifest.json": b"[" * 100_000}))


@pytest.mark.parametrize("target", ["manifest.json", "/etc/passwd", "../../../etc/passwd"])
@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_in_an_archive_is_refused(tmp_path: Path, target: str, kind: bytes) -> None:
    with tarfile.open(tmp_path / "image.tar", "w") as tar:
        entry = tarfile.TarInfo("manifest.json")
        entry.type, entry.linkname = kind, target
        tar.addfile(entry)
    with pytest.raises(InputError, match=r"manifest\.json is no file"):
        read_image_id(tmp_path / "image.tar")


def test_a_manifest_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("manifest.json")
    entry.size = 20 * 1024**3
    (tmp_path / "image.tar").write_bytes(entry.tobuf())
    os.truncate(tmp_path / "image.tar", entry.size + 4096)  # a file with a hole, which takes no room
    with pytest.raises(InputError, match=r"manifest\.json has 21474836480 bytes"):
        read_image_id(tmp_path / "image.tar")


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_an_archive_that_was_cut_off_is_refused(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    manifest = {"manifest.json": json.dumps([{"Config": "c"}]).encode(), "c": os.urandom(9999)}
    whole = compress(archive(tmp_path / "image.tar", manifest).read_bytes())
    for cut in (40, len(whole) // 2):
        (tmp_path / "image.tar").write_bytes(whole[:cut])
        with pytest.raises(InputError, match=r"image\.tar: not an archive of one image"):
            read_image_id(tmp_path / "image.tar")


def test_a_missing_archive_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.tar"):
        read_image_id(tmp_path / "nothing.tar")


def test_the_login_that_pushes_is_gone_when_the_shell_ends() -> None:
    config = make_docker_config("registry.moor.test", "robot$demo+pusher", "S3cret")
    script = f'{config}cat "$d/config.json"; echo; echo "$d"'
    done = subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, check=True)
    content, folder = done.stdout.decode().splitlines()
    auth = base64.b64encode(b"robot$demo+pusher:S3cret").decode()
    assert json.loads(content)["auths"]["registry.moor.test"]["auth"] == auth
    assert not Path(folder).exists()


@pytest.mark.parametrize("signal", ["HUP", "TERM"])
@pytest.mark.parametrize("shell", SHELLS)
def test_the_login_that_pushes_is_gone_when_the_shell_is_stopped(shell: str, signal: str) -> None:
    script = (
        f'{make_docker_config("registry.moor.test", "robot", "S3cret")}echo "$d"; kill -{signal} $$; sleep 1; echo on'
    )
    done = sh(shell, script)
    folder = done.stdout.decode().strip()
    assert Path(folder).is_absolute()
    assert not Path(folder).exists()
