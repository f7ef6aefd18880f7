"""Images by what they are made of: an archive's id, a context's content; and the login that pushes them."""

import base64
import hashlib
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from moor.errors import InputError
from tasks.images import archived_id, context_hash, docker_config


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
    assert archived_id(path) == f"sha256:{hashlib.sha256(config).hexdigest()}"


@pytest.mark.parametrize(
    "members",
    [{}, {"manifest.json": b"[]"}, {"manifest.json": b"[{}, {}]"}, {"manifest.json": b"{"}, {"other": b"x"}],
)
def test_what_is_no_archive_of_one_image_is_refused_by_its_path(tmp_path: Path, members: dict[str, bytes]) -> None:
    with pytest.raises(InputError, match=r"image\.tar"):
        archived_id(archive(tmp_path / "image.tar", members))


def test_a_missing_archive_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.tar"):
        archived_id(tmp_path / "nothing.tar")


def test_a_contexts_hash_follows_content_names_and_modes_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "app").write_text("1")
    first = context_hash(tmp_path)
    (tmp_path / "app").touch()
    assert context_hash(tmp_path) == first
    (tmp_path / "app").chmod(0o755)
    second = context_hash(tmp_path)
    (tmp_path / "app").write_text("2")
    third = context_hash(tmp_path)
    (tmp_path / "app").rename(tmp_path / "other")
    assert len({first, second, third, context_hash(tmp_path)}) == 4


def test_the_login_that_pushes_is_gone_when_the_shell_ends() -> None:
    script = (
        f'{docker_config("registry.moor.test", "robot$demo+pusher", "S3cret")}cat "$d/config.json"; echo; echo "$d"'
    )
    done = subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, check=True)
    content, folder = done.stdout.decode().splitlines()
    auth = base64.b64encode(b"robot$demo+pusher:S3cret").decode()
    assert json.loads(content) == {"auths": {"registry.moor.test": {"auth": auth}}}
    assert not Path(folder).exists()
