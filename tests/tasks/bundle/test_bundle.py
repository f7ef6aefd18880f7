"""A bundle is made, checked, carried and opened; whatever is altered in it is refused by name."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.errors import InputError
from moor.tasks.bundle.manifest import BLOBS, parse_manifest
from moor.tasks.bundle.oci import BundledArchive
from moor.tasks.bundle.opened import OpenBundle, open_bundle, read_manifest, verified_manifest
from tests.harness.commands import moor, moor_here
from tests.tasks.bundle.carrying import INSTALLER, carrying_site, docker_archive, key_pair

IMAGES = ("--without", "packages,moor")


def opened(files: list[Path], folder: Path, key: str = "") -> OpenBundle:
    return open_bundle(files, key, folder / "store")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return carrying_site(tmp_path / "site", {"file": "fleet.bundle"})


@pytest.mark.parametrize("name", ["fleet.bundle", "fleet"])
def test_what_is_made_is_whole_and_says_what_it_lacks(site: Path, name: str) -> None:
    done = moor_here(site, "bundle", "create", str(site / name), *IMAGES)
    assert done.returncode == 2, done.said
    assert "packages: left out by --without" in done.stdout
    assert INSTALLER in done.stdout
    assert sorted(path.name for path in site.glob(f"{name}*")) == [name]
    again = moor_here(site, "bundle", "check", str(site / name))
    assert again.returncode == 2
    assert "every part is what its manifest says; 2 things are missing" in again.stdout
    shown = json.loads(moor_here(site, "bundle", "show", str(site / name), "--output", "json").stdout)
    assert sorted(shown["bundle"]["images"]) == ["demo/a:1", "demo/b:1"]


def test_a_layer_of_two_images_is_in_it_once(site: Path) -> None:
    moor_here(site, "bundle", "create", *IMAGES)
    with tarfile.open(site / "fleet.bundle") as tar:  # any tar reads it
        sizes = {entry.name: entry.size for entry in tar}
    assert sorted(size for name, size in sizes.items() if name.startswith(BLOBS))[-2:] == [27_000, 120_000]


def test_an_image_is_what_docker_load_took_before(site: Path, tmp_path: Path) -> None:
    moor_here(site, "bundle", "create", *IMAGES)
    bundle = opened([site / "fleet.bundle"], tmp_path)
    image = docker_archive(tmp_path / "same.tar", [b"shared" * 20_000, b"own" * 9_000])
    archive = BundledArchive(bundle, "demo/b:1")
    assert archive.image_id == image
    with tarfile.open(fileobj=archive.open(), mode="r|") as tar:
        found = {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]
    (listed,) = json.loads(found["manifest.json"])
    assert f"sha256:{listed['Config'].removesuffix('.json')}" == image
    assert [len(found[name]) for name in listed["Layers"]] == [120_000, 27_000]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    carrying_site(folder, {"file": "fleet.bundle", "sign": "file:key"})
    key_pair(folder)
    done = moor_here(folder, "bundle", "create", *IMAGES)
    assert done.returncode == 2, done.said
    return folder


@given(at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_refused(packed: Path, at: float, bit: int) -> None:
    content = bytearray((packed / "fleet.bundle").read_bytes())
    content[int(at * len(content))] ^= 1 << bit
    other = packed / "other.bundle"
    other.write_bytes(content)
    with pytest.raises(InputError, match=rf"^{other}: "):
        verified_manifest(other, "")


@given(size=st.floats(0, 1, exclude_max=True))
def test_a_file_that_is_cut_short_is_refused(packed: Path, size: float) -> None:
    content = (packed / "fleet.bundle").read_bytes()
    other = packed / "short.bundle"
    other.write_bytes(content[: int(size * len(content))])
    with pytest.raises(InputError, match=rf"^{other}: "):
        verified_manifest(other, "")


def test_the_part_that_was_altered_is_named_also_after_it_was_verified_once(site: Path, tmp_path: Path) -> None:
    moor_here(site, "bundle", "create", str(site / "fleet"), *IMAGES)
    opened([site / "fleet"], tmp_path)
    part = site / "fleet" / "installer" / INSTALLER
    content = bytearray(part.read_bytes())
    content[5] ^= 1
    part.write_bytes(content)
    manifest = site / "fleet" / "bundle.json"
    os.utime(manifest, ns=(1, 1))  # as another process would find it: nothing is known
    with pytest.raises(InputError, match=rf"fleet: installer/{INSTALLER} is not what its manifest says"):
        opened([site / "fleet"], tmp_path)
    part.unlink()
    os.utime(manifest, ns=(2, 2))
    with pytest.raises(InputError, match=rf"installer/{INSTALLER} is missing in it"):
        opened([site / "fleet"], tmp_path)


def test_a_bundle_counts_only_with_the_signature_of_the_inventorys_key(tmp_path: Path) -> None:
    site = carrying_site(tmp_path / "site", {"file": "fleet.bundle"})
    public, other = key_pair(site), key_pair(site, "other")
    moor_here(site, "bundle", "create", *IMAGES)
    carrying_site(site, {"file": "fleet.bundle", "key": public})
    unsigned = moor_here(site, "bundle", "check")
    assert (unsigned.returncode, "data.bundle.key wants a signature" in unsigned.stderr) == (1, True)
    carrying_site(site, {"file": "fleet.bundle", "key": public, "sign": "file:key"})
    assert moor_here(site, "bundle", "create", *IMAGES).returncode == 2
    assert moor_here(site, "bundle", "check").returncode == 2
    carrying_site(site, {"file": "fleet.bundle", "key": other})
    wrong = moor_here(site, "bundle", "check")
    assert wrong.returncode == 1
    assert "bundle.json is not what the owner of data.bundle.key has signed" in wrong.stderr


def test_a_key_with_a_passphrase_is_refused_with_the_remedy(tmp_path: Path) -> None:
    site = carrying_site(tmp_path / "site", {"file": "fleet.bundle", "sign": "file:passphrase"})
    done = moor_here(site, "bundle", "create", *IMAGES)
    assert done.returncode == 1
    assert "data.bundle.sign: ssh-keygen does not sign with it" in done.stderr
    assert "correct-horse" not in done.said
    assert not (site / "fleet.bundle").exists()


def test_a_bundle_made_since_another_has_what_is_new_and_needs_the_other(site: Path, tmp_path: Path) -> None:
    moor_here(site, "bundle", "create", str(site / "old"), *IMAGES)
    docker_archive(site / "b.tar", [b"shared" * 20_000, b"newer" * 9_000])
    for new in ("new.bundle", "new"):
        done = moor_here(site, "bundle", "create", str(site / new), "--since", str(site / "old"), *IMAGES)
        assert done.returncode == 2, done.said
        manifest = parse_manifest(read_manifest(site / new)[0].decode(), new)
        here = [part for part in manifest.parts if not part.elsewhere]
        assert max(part.size for part in here) == 45_000
        assert manifest.by_path[f"installer/{INSTALLER}"].elsewhere
        with pytest.raises(InputError, match=r"is in the bundle that it was made since .* name that one before it"):
            opened([site / new], tmp_path)
        bundle = opened([site / "old", site / new], tmp_path)
        archive = BundledArchive(bundle, "demo/b:1").open()
        with tarfile.open(fileobj=archive, mode="r|") as tar:
            assert sorted(entry.size for entry in tar)[-2:] == [45_000, 120_000]
        assert (bundle.folder / "index.json").is_file()


def test_faults_are_told_before_anything_is_collected_all_at_once(site: Path) -> None:
    for name in ("a.tar", INSTALLER):
        (site / name).unlink()
    done = moor_here(site, "bundle", "create", "--without", "packages,moor,wine", "--since", str(site / "gone"))
    assert done.returncode == 1
    for words in (
        "--without wine",
        "--since",
        "data.images.demo/a:1.archive: no such file",
        "data.harbor.installer: no",
    ):
        assert words in done.stderr
    assert list(site.glob("fleet*")) == []


def test_a_directory_of_somebody_else_is_left_alone(site: Path) -> None:
    done = moor_here(site, "bundle", "create", str(site / "inventory"), *IMAGES)
    assert done.returncode == 1
    assert "the directory holds something else" in done.stderr
    assert sorted(path.name for path in (site / "inventory").iterdir()) == [
        "defaults.yaml",
        "groups.yaml",
        "hosts.yaml",
    ]


def test_a_bundle_that_lacks_what_the_inventory_came_to_need_says_so(site: Path) -> None:
    moor_here(site, "bundle", "create", *IMAGES)
    docker_archive(site / "c.tar", [b"third"])
    images = {f"demo/{name}:1": {"archive": f"{name}.tar"} for name in "abc"}
    carrying_site(site, {"file": "fleet.bundle"}, images=images)
    done = moor_here(site, "bundle", "check")
    assert done.returncode == 2
    assert "data.images.demo/c:1: the image is not in it" in done.stdout


HOSTILE: dict[str, Callable[[dict[str, object]], object]] = {
    "a path that leads out": lambda part: part.update(path="../../etc/passwd"),
    "an absolute path": lambda part: part.update(path="/etc/passwd"),
    "a manifest as a part": lambda part: part.update(path="bundle.json"),
    "a negative size": lambda part: part.update(size=-1),
    "no hash": lambda part: part.update(sha256="none"),
    "another key": lambda part: part.update(mode="4755"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_manifest_is_refused(packed: Path, name: str) -> None:
    document = json.loads(read_manifest(packed / "fleet.bundle")[0])
    HOSTILE[name](document["parts"][0])
    with pytest.raises(InputError, match=r"^x: bundle.json is not a bundle's manifest"):
        parse_manifest(json.dumps(document), "x")


def test_a_newer_schema_names_the_moor_that_reads_it() -> None:
    with pytest.raises(InputError, match="its manifest has schema 99"):
        parse_manifest('{"schema": 99}', "x")


def test_a_file_system_that_takes_no_large_files_is_told(site: Path) -> None:
    limit = ("sh", "-c", 'ulimit -f 300; exec "$@"', "sh")  # in blocks of 512 bytes: more than any part has
    done = moor(site, "bundle", "create", *IMAGES, under=limit)
    assert done.returncode == 1
    assert "fleet.bundle: its file system takes no file of this size, as FAT does; name a directory" in done.stderr
    assert sorted(path.name for path in site.glob("*fleet.bundle*")) == ["fleet.bundle.parts"]
