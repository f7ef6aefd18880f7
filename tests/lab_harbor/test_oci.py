"""docker-archives: layers, tags, and a cache that keeps them."""

import json
import tarfile
import threading
from pathlib import Path

import pytest

from moor_lab.oci import Files, Image, cached, docker_archive, files_layer, recipe_hash, skeleton


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    shared = files_layer(skeleton({"postgres": 999}), tmp_path)
    own = files_layer(Files({"srv/run": "#!/bin/sh\n", "srv/link": "-> run"}, frozenset({"srv/run"})), tmp_path)
    images = [
        Image("example.test/one:1", (shared,), ("/bin/one",), {"MODE": "x"}, {"what": "a stand-in"}),
        Image("example.test/two:1", (shared, own), ("/srv/run",)),
    ]
    out = tmp_path / "images.tar.gz"
    docker_archive(images, out, compress=True)
    return out


def test_images_share_a_layer_that_is_stored_once(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        manifest = json.loads(read(tar, "manifest.json"))
        names = tar.getnames()
    assert [image["RepoTags"] for image in manifest] == [["example.test/one:1"], ["example.test/two:1"]]
    assert manifest[0]["Layers"] == manifest[1]["Layers"][:1]
    assert len([name for name in names if name.endswith(".tar")]) == 2


def test_a_configuration_says_how_a_container_starts_and_what_its_layers_are(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        manifest = json.loads(read(tar, "manifest.json"))
        config = json.loads(read(tar, manifest[0]["Config"]))
    assert config["config"]["Entrypoint"] == ["/bin/one"]
    assert config["config"]["Env"] == ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "MODE=x"]
    assert config["config"]["Labels"] == {"what": "a stand-in"}
    assert [f"{digest.removeprefix('sha256:')}.tar" for digest in config["rootfs"]["diff_ids"]] == manifest[0]["Layers"]


def test_the_same_images_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    layer = files_layer(Files({"a": "b"}), tmp_path)
    outs = [tmp_path / "first", tmp_path / "second"]
    for out in outs:
        docker_archive([Image("example.test/a:1", (layer,), ("/a",))], out, compress=True)
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_files_keep_their_modes_and_links(tmp_path: Path) -> None:
    layer = files_layer(Files({"bin/run": "x", "etc/": "", "lib": "-> usr/lib"}, frozenset({"bin/run"})), tmp_path)
    with tarfile.open(layer) as tar:
        members = {member.name: member for member in tar}
    assert members["bin/run"].mode == 0o755
    assert members["etc"].isdir()
    assert members["lib"].linkname == "usr/lib"


def test_another_recipe_has_another_hash_and_the_same_recipe_the_same() -> None:
    recipe = Files({"a": "b"}, frozenset({"a", "c", "d"}))
    assert recipe_hash(recipe) == recipe_hash(Files({"a": "b"}, frozenset({"d", "c", "a"})))
    assert recipe_hash(recipe) != recipe_hash(Files({"a": "c"}))


def test_an_entry_is_made_once_though_several_ask_for_it(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(draft: Path) -> None:
        made.append(draft)
        draft.write_text("content")

    threads = [threading.Thread(target=cached, args=(tmp_path / "sub/entry", make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert (tmp_path / "sub/entry").read_text() == "content"


def test_an_attempt_that_fails_leaves_no_entry(tmp_path: Path) -> None:
    def fail(draft: Path) -> None:
        draft.write_text("half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        cached(tmp_path / "entry", fail)
    assert [path.name for path in tmp_path.iterdir()] == [".entry.lock"]


def read(tar: tarfile.TarFile, name: str) -> bytes:
    found = tar.extractfile(name)
    assert found
    return found.read()
