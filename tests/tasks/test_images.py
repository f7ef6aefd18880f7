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
from tasks.images import archived_id, docker_config
from tests.shells import SHELLS, sh


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


def test_the_login_that_pushes_is_gone_when_the_shell_ends() -> None:
    script = (
        f'{docker_config("registry.moor.test", "robot$demo+pusher", "S3cret")}cat "$d/config.json"; echo; echo "$d"'
    )
    done = subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, check=True)
    content, folder = done.stdout.decode().splitlines()
    auth = base64.b64encode(b"robot$demo+pusher:S3cret").decode()
    assert json.loads(content) == {"auths": {"registry.moor.test": {"auth": auth}}}
    assert not Path(folder).exists()


@pytest.mark.parametrize("signal", ["HUP", "TERM"])
@pytest.mark.parametrize("shell", SHELLS)
def test_the_login_that_pushes_is_gone_when_the_shell_is_stopped(shell: str, signal: str) -> None:
    script = f'{docker_config("registry.moor.test", "robot", "S3cret")}echo "$d"; kill -{signal} $$; sleep 1; echo on'
    done = sh(shell, script)
    folder = done.stdout.decode().strip()
    assert Path(folder).is_absolute()
    assert not Path(folder).exists()
